/** Keys of an `ldap` connector, as Dex has them. */
import type { z } from 'zod'
import { goFlag, goOctets, goOneOf, goSecret, goSection, goSections, goText, goTextOrTexts } from '../go-types.ts'

const userSearch = {
  baseDN: goText().meta({ doc: 'Below which entry users are looked for.' }),
  filter: goText().prefault('').meta({ doc: 'A filter that must match besides the name, in parentheses.' }),
  username: goTextOrTexts().meta({ doc: 'The attribute, or several, that the typed name is compared with.' }),
  scope: goOneOf(['sub', 'one']).prefault('sub').meta({ doc: 'The whole tree below `baseDN`, or one level of it.' }),
  idAttr: goText().prefault('').meta({ doc: "The attribute that becomes the user's id; `DN` for the entry's name." }),
  emailAttr: goText().prefault('').meta({ doc: 'The attribute with the e-mail address.' }),
  nameAttr: goText().prefault('').meta({ doc: 'The attribute with the name for people.' }),
  preferredUsernameAttr: goText().prefault('').meta({ doc: 'The attribute of the claim `preferred_username`.' }),
  emailSuffix: goText()
    .prefault('')
    .meta({ doc: 'Instead of `emailAttr`: the address is the id attribute, `@`, and this.' }),
}

export const ldapSettings = goSection({
  host: goText().meta({ doc: 'Host, with port or without: 636, or 389 with `insecureNoSSL`.' }),
  insecureNoSSL: goFlag().prefault(false).meta({ doc: 'Speak without TLS: passwords travel in clear.' }),
  bindPW: goSecret().optional().meta({ doc: "The service account's password.", secret: true }),
  // The helper of this connector completes the list.
  rootCAData: goOctets().optional().meta({ doc: 'Authorities to trust, base64 of PEM.' }),
  userSearch: goSection(userSearch).meta({ doc: 'How users are found.' }),
  groupSearch: goSection({
    userMatchers: goSections({ userAttr: goText(), groupAttr: goText() }).prefault([]),
  }).optional(),
})

export type LdapSettings = z.output<typeof ldapSettings>
