/** Keys of a `saml` connector (also written `samlExperimental`), as Dex has them, and three of ours. */
import type { z } from 'zod'
import { settingType } from '../../setting-type.ts'
import { goDuration, goFlag, goOctets, goSection, goText, goTexts } from '../go-types.ts'

/** Identifiers of SAML 2.0 Core §8.3; Dex takes them whole or by the last word. */
const formats: readonly string[] = [
  'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
  'urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName',
  'urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName',
  'urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos',
  'urn:oasis:names:tc:SAML:2.0:nameid-format:entity',
  'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
]
const lastWord = (format: string) => format.slice(format.lastIndexOf(':') + 1)

const nameIDFormat = () =>
  settingType(formats.map((format) => `\`${lastWord(format)}\``).join(', '), (raw, fail): string => {
    const wanted = raw === '' ? 'persistent' : raw
    const format = formats.find((candidate) => candidate === wanted || lastWord(candidate) === wanted)
    if (format === undefined)
      fail(`one of ${formats.map(lastWord).join(', ')}`, {
        ...(typeof raw === 'string' &&
          lastWord(raw) === 'encrypted' && { hint: 'what is encrypted cannot be read here' }),
      })
    return format ?? ''
  })

const section = goSection(
  {
    ssoURL: goText().meta({ doc: "The identity provider's address for the HTTP-POST binding: where people sign in." }),
    ca: goText().optional().meta({
      doc: 'File with the certificates (PEM) whose RSA keys sign the answers: the old one and the new one while keys change. They are trusted as they are; no chain is built. This or `caData`.',
    }),
    caData: goOctets().optional().meta({ doc: 'The same as base64 of the PEM text.' }),
    redirectURI: goText().meta({
      doc: "Where answers are sent to: the broker's issuer and `/callback`. The provider calls it assertion consumer service URL or recipient.",
    }),
    usernameAttr: goText().meta({ doc: 'The attribute with the name for people.' }),
    emailAttr: goText().meta({ doc: 'The attribute with the e-mail address, which counts as verified.' }),
    groupsAttr: goText()
      .prefault('')
      .meta({ doc: 'The attribute with the groups: many values, or many attributes of this name.' }),
    groupsDelim: goText().prefault('').meta({ doc: 'What stands between the groups, where all are in one value.' }),
    allowedGroups: goTexts()
      .prefault([])
      .meta({ doc: 'Who is in none of these may not sign in; compared letter by letter. Empty: everybody may.' }),
    filterGroups: goFlag().prefault(false).meta({ doc: 'Tell applications about `allowedGroups` only.' }),
    entityIssuer: goText()
      .prefault('')
      .meta({ doc: 'How the provider calls us: issuer of requests, and audience of answers. Empty: `redirectURI`.' }),
    ssoIssuer: goText().prefault('').meta({ doc: 'The issuer that answers must have. Empty: it is not compared.' }),
    nameIDPolicyFormat: nameIDFormat().prefault('persistent').meta({
      doc: "The kind of NameID to ask for. It becomes the user's id, so it has to stay the same: a transient one makes a new user at every sign-in.",
    }),
    requireBothSignatures: goFlag().prefault(false).meta({
      doc: 'Ours: take only answers where the response and the assertion are signed. Otherwise one of the two is enough.',
    }),
    maxAuthenticationAge: goDuration().optional().meta({
      doc: 'Ours: how long ago people may have proved to the provider who they are. When set, the provider is asked to have them do it again (ForceAuthn).',
    }),
    insecureAllowSHA1: goFlag()
      .prefault(false)
      .meta({ doc: 'Ours: take signatures and digests with SHA-1, which has been broken since 2017.' }),
  },
  {
    refused: {
      insecureSkipSignatureValidation:
        'anybody could sign in as anybody: without the signature nothing in an answer is true. Give the certificate of the provider in `ca`',
    },
  },
)

export type SamlSettings = z.output<typeof section>

export const samlSettings = section.superRefine((settings, context) => {
  const fail = (message: string, path: readonly string[], found: string | undefined, hint?: string) =>
    context.addIssue({ code: 'custom', message, path: [...path], params: { found, hint } })

  for (const key of ['usernameAttr', 'emailAttr', 'redirectURI'] as const)
    if (settings[key] === '') fail('text', [key], 'none')
  const sso = URL.canParse(settings.ssoURL) ? new URL(settings.ssoURL) : undefined
  if (sso === undefined || !['http:', 'https:'].includes(sso.protocol) || sso.username !== '' || sso.password !== '')
    fail('an address with https://, without user and password', ['ssoURL'], undefined)
  if (Boolean(settings.ca) === Boolean(settings.caData))
    fail('one of the keys ca, caData', [], settings.ca ? 'both' : 'none')
  if (settings.allowedGroups.length > 0 && settings.groupsAttr === '')
    fail('groupsAttr beside allowedGroups', [], 'none', 'without it nobody would be let in')
})
