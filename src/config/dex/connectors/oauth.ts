/** Keys of an `oauth` connector, as Dex has them: a source that speaks OAuth 2.0 and has a page about its user. */
import type { z } from 'zod'
import { goFlag, goSecret, goSection, goText, goTexts } from '../go-types.ts'

const claimMapping = {
  userNameKey: goText().prefault('user_name').meta({ blankIsUnset: true, doc: 'The member that becomes `name`.' }),
  preferredUsernameKey: goText()
    .prefault('preferred_username')
    .meta({ blankIsUnset: true, doc: 'The member that becomes `preferred_username`.' }),
  groupsKey: goText().prefault('groups').meta({
    blankIsUnset: true,
    doc: 'The member with the groups. They are read from the page only; Dex takes them from an access token, too, whose signature it does not check.',
  }),
  emailKey: goText().prefault('email').meta({ blankIsUnset: true, doc: 'The member that becomes `email`.' }),
  emailVerifiedKey: goText().prefault('email_verified').meta({
    blankIsUnset: true,
    doc: 'The member that says whether the address is verified; missing means it is not.',
  }),
}

export const oauthSettings = goSection({
  clientID: goText().meta({ doc: 'Our id at the source.' }),
  clientSecret: goSecret().optional().meta({ doc: 'Our secret at the source.', secret: true }),
  redirectURI: goText().meta({ doc: "The broker's `ISSUER/callback`, exactly, as it is registered at the source." }),
  authorizationURL: goText().meta({ doc: 'Where the browser signs in.' }),
  tokenURL: goText().meta({ doc: 'Where the code is redeemed.' }),
  userInfoURL: goText().meta({ doc: 'The page about the user: JSON, read with the access token.' }),
  scopes: goTexts().prefault([]).meta({ doc: 'What to ask for.' }),
  rootCAs: goTexts().prefault([]).meta({ doc: 'More authorities to trust: paths, PEM texts, or base64 of PEM.' }),
  insecureSkipVerify: goFlag()
    .prefault(false)
    .meta({ doc: 'Take any certificate: whoever is in between can sign in as anybody.' }),
  userIDKey: goText()
    .prefault('id')
    .meta({ blankIsUnset: true, doc: 'The member of the page that becomes the user id: text, or a whole number.' }),
  claimMapping: goSection(claimMapping).prefault({}).meta({ doc: 'Which members of the page mean what.' }),
})

export type OauthSettings = z.output<typeof oauthSettings>
