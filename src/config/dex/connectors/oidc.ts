/** Keys of an `oidc` connector, as Dex has them, and two of the fork that the founding documents were written for. */
import { RE2JS } from 're2js'
import type { z } from 'zod'
import { isProtocolParameter } from '../../../wire/oauth-parameters.ts'
import { settingType } from '../../setting-type.ts'
import { goFlag, goOneOf, goSecret, goSection, goSections, goText, goTexts } from '../go-types.ts'

const forwardable = () =>
  settingType('list of texts', (raw, fail): readonly string[] => {
    const names = goTexts().safeParse(raw)
    if (!names.success) {
      fail('a list of texts')
      return []
    }
    for (const [index, name] of names.data.entries()) {
      if (name === '' || isProtocolParameter(name))
        fail('names of parameters that a link may set', {
          path: [index],
          found: `"${name}"`,
          hint: 'this one belongs to the protocol; usual ones are login_hint, ui_locales, screen_hint, organization',
        })
    }
    return names.data
  })

const pattern = () =>
  settingType('RE2 pattern', (raw, fail): string => {
    try {
      if (typeof raw === 'string') RE2JS.compile(raw)
    } catch {
      fail('an RE2 pattern', { hint: 'RE2 has no look-around and no back-references' })
    }
    if (typeof raw !== 'string') fail('text')
    return String(raw)
  })

const discoveryOverrides = {
  authURL: goText().prefault('').meta({ doc: 'Where the browser signs in, instead of `authorization_endpoint`.' }),
  tokenURL: goText().prefault('').meta({ doc: 'Instead of `token_endpoint`.' }),
  jwksURL: goText().prefault('').meta({ doc: 'Instead of `jwks_uri`.' }),
  userInfoURL: goText().prefault('').meta({ doc: 'Instead of `userinfo_endpoint`.' }),
  deviceAuthURL: goText().prefault('').meta({ doc: 'Read, and used for nothing: the broker has its own device flow.' }),
  endSessionURL: goText().prefault('').meta({ doc: 'Read, and used for nothing: the source keeps its own session.' }),
}

const claimMapping = {
  preferred_username: goText().prefault('').meta({ doc: 'The claim to take for `preferred_username`.' }),
  email: goText().prefault('').meta({ doc: 'The claim to take for `email`.' }),
  groups: goText().prefault('').meta({ doc: 'The claim to take for `groups`.' }),
}

const newGroup = {
  claims: goTexts().prefault([]).meta({ doc: 'Claims whose texts are joined; those that are no text are left out.' }),
  delimiter: goText().prefault('').meta({ doc: 'What stands between the pieces.' }),
  clearDelimiter: goFlag().prefault(false).meta({ doc: 'Take the delimiter out of the pieces first.' }),
  prefix: goText().prefault('').meta({ doc: 'The first piece.' }),
}

const claimModifications = {
  filterGroupClaims: goSection({
    groupsFilter: pattern().prefault('').meta({
      doc: 'Only groups in which this RE2 pattern is found are taken. A broken pattern is refused; Dex ignores it.',
    }),
  })
    .prefault({})
    .meta({ doc: 'Which groups are taken; looked at first.' }),
  modifyGroupNames: goSection({
    prefix: goText().prefault('').meta({ doc: 'Before each name.' }),
    suffix: goText().prefault('').meta({ doc: 'After each name.' }),
  })
    .prefault({})
    .meta({ doc: 'How groups are called here; done after `allowedGroups`.' }),
  newGroupFromClaims: goSections(newGroup).prefault([]).meta({ doc: 'Groups made of other claims; added last.' }),
}

export const oidcSettings = goSection(
  {
    issuer: goText().meta({
      doc: 'The address of the source, byte for byte as its discovery document has it: a trailing slash counts.',
    }),
    issuerAlias: goText().prefault('').meta({
      doc: 'The issuer that tokens name, where the discovery document under `issuer` names another (some tenants of Azure and Oracle).',
    }),
    clientID: goText().prefault('').meta({
      doc: 'Our id at the source. Without it nobody can sign in, and no token can be exchanged: it could be meant for anybody.',
    }),
    clientSecret: goSecret()
      .optional()
      .meta({ doc: 'Our secret at the source; none for a public client.', secret: true }),
    redirectURI: goText().prefault('').meta({
      doc: "The broker's `ISSUER/callback`, exactly, as it is registered at the source. Without it nobody can sign in; tokens can be exchanged.",
    }),
    insecureSkipIssuerCallbackDomainCheck: goFlag().prefault(false).meta({
      doc: 'Take a `redirectURI` other than `ISSUER/callback`: something in front has to bring the browser there.',
    }),
    forwardedLoginParams: forwardable().prefault([]).meta({
      doc: "Parameters of the application's sign-in request that go on to the source, such as `login_hint`. Those of the protocol are refused.",
    }),
    basicAuthUnsupported: goFlag().optional().meta({
      doc: 'Send the secret in the form instead of by HTTP Basic. Not set: as the source says; in the form for okta.com.',
    }),
    scopes: goTexts().prefault([]).meta({
      doc: 'What to ask for besides `openid`; `profile` and `email` where it is empty. Sources that give refresh tokens mostly want `offline_access` here.',
    }),
    rootCAs: goTexts().prefault([]).meta({ doc: 'More authorities to trust: paths, PEM texts, or base64 of PEM.' }),
    insecureSkipVerify: goFlag()
      .prefault(false)
      .meta({ doc: 'Take any certificate: whoever is in between can sign in as anybody.' }),
    insecureSkipEmailVerified: goFlag().prefault(false).meta({
      doc: 'A missing `email_verified` counts as true; one that says false stays false. Otherwise a missing one ends the sign-in.',
    }),
    insecureEnableGroups: goFlag().prefault(false).meta({ doc: 'Take the groups that the source names.' }),
    allowedGroups: goTexts().prefault([]).meta({
      doc: 'Only members of one of these may sign in, and only these groups are passed on. Needs `insecureEnableGroups`.',
    }),
    acrValues: goTexts().prefault([]).meta({ doc: 'Sent as `acr_values`: how strong the sign-in should be.' }),
    promptType: goText().prefault('consent').meta({
      doc: 'Sent as `prompt` where the application wants a refresh token, together with `access_type=offline`. Empty: not sent.',
    }),
    pkceChallenge: goOneOf(['S256', 'plain']).optional().meta({
      doc: 'The kind of PKCE challenge (RFC 7636). Not set: the best that the source knows, and `S256` where it does not say.',
    }),
    getUserInfo: goFlag()
      .prefault(false)
      .meta({ doc: 'Ask the userinfo endpoint, too; what it says goes over the ID token.' }),
    userIDKey: goText().prefault('').meta({ doc: 'The claim that becomes the user id; `sub` where it is empty.' }),
    userNameKey: goText()
      .prefault('')
      .meta({ doc: 'The claim that becomes `name`, and has to be there; `name` where it is empty.' }),
    claimMapping: goSection(claimMapping)
      .prefault({})
      .meta({ doc: 'Claims to take where the standard one is missing.' }),
    overrideClaimMapping: goFlag().prefault(false).meta({
      doc: 'Take the claims of `claimMapping` also where the standard ones are there.',
    }),
    claimModifications: goSection(claimModifications).prefault({}).meta({ doc: 'What is done to groups.' }),
    providerDiscoveryOverrides: goSection(discoveryOverrides).prefault({}).meta({
      doc: 'Addresses to use instead of those of the discovery document.',
    }),
  },
  { refused: { hostedDomains: 'use a connector of type `google`, which looks at the domain of the account' } },
)

export type OidcSettings = z.output<typeof oidcSettings>
