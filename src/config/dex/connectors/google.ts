/** Keys of a `google` connector, as Dex has them. */
import type { z } from 'zod'
import { goFlag, goSecret, goSection, goText, goTextMap, goTexts } from '../go-types.ts'

export const googleSettings = goSection({
  clientID: goText().meta({ doc: 'Our client id at Google.' }),
  clientSecret: goSecret().optional().meta({ doc: 'Our client secret at Google.', secret: true }),
  redirectURI: goText().meta({ doc: "The broker's `ISSUER/callback`, exactly, as it is registered at Google." }),
  scopes: goTexts().prefault([]).meta({
    doc: 'What to ask for besides `openid`; `profile` and `email` where it is empty.',
  }),
  hostedDomains: goTexts().prefault([]).meta({
    doc: 'Only accounts of these Workspace domains may sign in; looked at in the claim `hd`, which private accounts lack.',
  }),
  groups: goTexts().prefault([]).meta({
    doc: 'Only members of one of these groups (by e-mail address) may sign in, and only these are passed on. Needs the Directory API; looked at also where the application does not ask for groups.',
  }),
  serviceAccountFilePath: goText().prefault('').meta({
    doc: 'JSON file of the service account that may read groups (`admin.directory.group.readonly`, delegated for the domain).',
  }),
  adminEmail: goText().prefault('').meta({ doc: 'Old form of `domainToAdminEmail: {"*": ADDRESS}`.' }),
  domainToAdminEmail: goTextMap().prefault({}).meta({
    doc: 'For each domain the administrator on whose behalf the service account reads; `*` for all others.',
  }),
  fetchTransitiveGroupMembership: goFlag().prefault(false).meta({ doc: 'Groups of groups count, too.' }),
  promptType: goText().prefault('consent').meta({
    doc: 'Sent as `prompt` where the application wants a refresh token. Empty: not sent, and Google gives one at the first sign-in only.',
  }),
})

export type GoogleSettings = z.output<typeof googleSettings>
