/** Keys of a `microsoft` connector, as Dex has them. */
import type { z } from 'zod'
import { goFlag, goOneOf, goSecret, goSection, goText, goTexts } from '../go-types.ts'

export const microsoftSettings = goSection({
  clientID: goText().meta({ doc: 'Our application id at Microsoft.' }),
  clientSecret: goSecret().optional().meta({ doc: 'Our client secret at Microsoft.', secret: true }),
  clientAssertion: goText().prefault('').meta({
    doc: 'Instead of the secret: path of a file with a signed assertion (workload identity), read anew each time.',
  }),
  redirectURI: goText().meta({ doc: "The broker's `ISSUER/callback`, exactly, as it is registered at Microsoft." }),
  tenant: goText().prefault('common').meta({
    blankIsUnset: true,
    doc: 'Whose accounts: a tenant by id or domain; `organizations`, `consumers` or `common` for anybody of that kind. Groups need a tenant.',
  }),
  onlySecurityGroups: goFlag().prefault(false).meta({ doc: 'Only security groups count.' }),
  groups: goTexts().prefault([]).meta({
    doc: 'Only members of one of these may sign in; in the form of `groupNameFormat`. Refused without a tenant, where Dex lets everybody in.',
  }),
  groupNameFormat: goOneOf(['name', 'id']).prefault('name').meta({
    doc: 'Groups by display name, which administrators of groups can change, or by object id.',
  }),
  useGroupsAsWhitelist: goFlag().prefault(false).meta({ doc: 'Pass on only the groups that `groups` lists.' }),
  emailToLowercase: goFlag().prefault(false).meta({ doc: 'The address in lower case.' }),
  apiURL: goText()
    .prefault('https://login.microsoftonline.com')
    .meta({ blankIsUnset: true, doc: 'Where people sign in: other clouds have their own.' }),
  graphURL: goText()
    .prefault('https://graph.microsoft.com')
    .meta({ blankIsUnset: true, doc: 'Where users and groups are read.' }),
  promptType: goText().prefault('').meta({ doc: 'Sent as `prompt`.' }),
  domainHint: goText().prefault('').meta({ doc: 'Sent as `domain_hint`.' }),
  scopes: goTexts().prefault([]).meta({ doc: 'What to ask for; `user.read` where it is empty.' }),
  preferredUsernameField: goOneOf(['', 'name', 'email', 'mailNickname', 'onPremisesSamAccountName'])
    .prefault('')
    .meta({ doc: 'The field that becomes `preferred_username`. Empty: none.' }),
  batchGroupLookups: goFlag()
    .prefault(false)
    .meta({ doc: 'Read, and of no effect: look-ups are always made in batches.' }),
})

export type MicrosoftSettings = z.output<typeof microsoftSettings>
