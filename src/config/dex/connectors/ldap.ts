/** Keys of an `ldap` connector, as Dex has them, and a few of our own (marked so). */
import type { z } from 'zod'
import {
  goCount,
  goDuration,
  goFlag,
  goOctets,
  goOneOf,
  goSecret,
  goSection,
  goSections,
  goText,
  goTextOrTexts,
} from '../go-types.ts'

const scope = () =>
  goOneOf(['sub', 'one']).prefault('sub').meta({ doc: 'The whole tree below `baseDN`, or one level of it.' })

const filter = () =>
  goText()
    .prefault('')
    .meta({ doc: 'A filter that must match besides, in parentheses (RFC 4515): `(objectClass=person)`.' })

const userSearch = {
  baseDN: goText().meta({ doc: 'Below which entry users are looked for.' }),
  filter: filter(),
  username: goTextOrTexts().meta({
    doc: 'The attribute, or several, that the typed name is compared with. Two entries for one name let nobody in.',
  }),
  scope: scope(),
  idAttr: goText().meta({
    doc: "The attribute that becomes the user's id, half of `sub`; `DN` for the entry's name. It should never change.",
  }),
  emailAttr: goText().prefault('').meta({ doc: 'The attribute with the e-mail address. The first value counts.' }),
  nameAttr: goText().prefault('').meta({ doc: 'The attribute with the name for people.' }),
  preferredUsernameAttr: goText().prefault('').meta({ doc: 'The attribute of the claim `preferred_username`.' }),
  emailSuffix: goText()
    .prefault('')
    .meta({ doc: 'Instead of `emailAttr`: the address is the value of `nameAttr`, `@`, and this.' }),
}

const RECURSION = 'The attribute of a group that holds groups: memberships of groups are followed upwards.'

const userMatcher = {
  userAttr: goText().meta({
    doc: "The user's attribute; `DN` for the entry's name. Each of its values is looked for.",
  }),
  groupAttr: goText().meta({
    doc: "The groups' attribute that holds it: `member`, `memberUid`, or with a matching rule `member:1.2.840.113556.1.4.1941:`.",
  }),
  recursionGroupAttr: goText().prefault('').meta({ doc: RECURSION }),
}

const groupSearch = {
  baseDN: goText().prefault('').meta({ doc: 'Below which entry groups are looked for; empty: there are no groups.' }),
  filter: filter(),
  scope: scope(),
  userMatchers: goSections(userMatcher).prefault([]).meta({ doc: 'How groups are known to be of the user.' }),
  userAttr: goText().prefault('').meta({ doc: 'The older form of a single matcher, used without `userMatchers`.' }),
  groupAttr: goText().prefault('').meta({ doc: 'The older form of a single matcher, used without `userMatchers`.' }),
  recursionGroupAttr: goText()
    .prefault('')
    .meta({ doc: 'The older form of a single matcher, used without `userMatchers`.' }),
  nameAttr: goText().prefault('').meta({ doc: "The attribute with the group's name; `DN` for the entry's name." }),
  memberOfAttr: goText().prefault('').meta({
    doc: 'Ours: instead of matchers, an attribute of the user that lists groups by DN (`memberOf`). Only those below `memberOfSuffix` count, because directories list roles and rules there, too.',
  }),
  memberOfSuffix: goText().prefault('').meta({ doc: 'Ours: goes with `memberOfAttr`; without it `baseDN` is meant.' }),
  maxGroups: goCount({ min: 1, max: 20_000 })
    .prefault(1000)
    .meta({ doc: 'Ours: whoever is in more groups is not signed in, because a list with gaps decides wrongly.' }),
  maxDepth: goCount({ min: 1, max: 100 }).prefault(20).meta({ doc: 'Ours: how deep groups may lie in groups.' }),
}

export const ldapSettings = goSection(
  {
    host: goText().meta({
      doc: 'Host, with port or without: 636, or 389 with `insecureNoSSL` or `startTLS`. The certificate must name it.',
    }),
    insecureNoSSL: goFlag().prefault(false).meta({ doc: 'Speak without TLS: passwords travel in clear.' }),
    startTLS: goFlag().prefault(false).meta({
      doc: 'Begin in clear and turn to TLS before anything is sent (RFC 4511 §4.14). Wins over `insecureNoSSL`.',
    }),
    insecureSkipVerify: goFlag()
      .prefault(false)
      .meta({ doc: 'Take any certificate: whoever sits between reads the passwords.' }),
    rootCA: goText()
      .prefault('')
      .meta({ doc: 'A file with the authorities to trust (PEM), instead of the usual ones.' }),
    rootCAData: goOctets().optional().meta({ doc: 'The same as base64 of PEM. Wins over `rootCA`.' }),
    clientCert: goText().prefault('').meta({ doc: 'A file with the certificate to show to the directory (PEM).' }),
    clientKey: goText().prefault('').meta({ doc: 'The file with its key (PEM).' }),
    bindDN: goText()
      .prefault('')
      .meta({ doc: 'The service account that searches; without it searches are anonymous.' }),
    bindPW: goSecret().optional().meta({ doc: "The service account's password.", secret: true }),
    usernamePrompt: goText().prefault('').meta({ doc: 'What the form calls the name; `Username` without it.' }),
    userSearch: goSection(userSearch).meta({ doc: 'How users are found, and what is read of them.' }),
    groupSearch: goSection(groupSearch).optional().meta({ doc: 'How groups are found. Without it there are none.' }),
    connectTimeout: goDuration()
      .prefault('5s')
      .meta({ doc: 'Ours: how long a connection may take to be made, TLS included.' }),
    timeout: goDuration()
      .prefault('10s')
      .meta({ doc: 'Ours: how long the directory may take to answer one question.' }),
    maxConnections: goCount({ min: 1, max: 64 })
      .prefault(4)
      .meta({ doc: 'Ours: connections of the service account kept at once. Passwords are checked on others.' }),
  },
  { refused: { kerberos: 'signing in with Kerberos tickets is not supported: remove the key' } },
)

export type LdapSettings = z.output<typeof ldapSettings>
export type UserSearch = LdapSettings['userSearch']
export type GroupSearch = NonNullable<LdapSettings['groupSearch']>
