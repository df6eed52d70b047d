/** The connectors that can be configured, by type; the order is that of the reference page. */
import type { z } from 'zod'
import type { Place } from '../../place.ts'
import type { GroupRules } from '../group-rules.ts'
import { type GithubSettings, githubSettings } from './github.ts'
import { type GitlabSettings, gitlabSettings } from './gitlab.ts'
import { type GoogleSettings, googleSettings } from './google.ts'
import { type LdapSettings, ldapSettings } from './ldap.ts'
import { type MicrosoftSettings, microsoftSettings } from './microsoft.ts'
import {
  type MockCallbackSettings,
  type MockPasswordSettings,
  mockCallbackSettings,
  mockPasswordSettings,
} from './mock.ts'
import { type OauthSettings, oauthSettings } from './oauth.ts'
import { type OidcSettings, oidcSettings } from './oidc.ts'
import { type SamlSettings, samlSettings } from './saml.ts'

/** Settings of each type. */
export interface ConnectorConfigs {
  readonly ldap: LdapSettings
  readonly oidc: OidcSettings
  readonly github: GithubSettings
  readonly gitlab: GitlabSettings
  readonly google: GoogleSettings
  readonly microsoft: MicrosoftSettings
  readonly oauth: OauthSettings
  readonly saml: SamlSettings
  readonly mockCallback: MockCallbackSettings
  readonly mockPassword: MockPasswordSettings
}

export type ConnectorType = keyof ConnectorConfigs

interface Declaration<T> {
  readonly schema: z.ZodType<T>
  /** One sentence for the reference page. */
  readonly doc: string
}

export const connectorTypes: { readonly [T in ConnectorType]: Declaration<ConnectorConfigs[T]> } = {
  ldap: {
    schema: ldapSettings,
    doc: 'A directory: FreeIPA, OpenLDAP, Active Directory. People type name and password at the broker.',
  },
  oidc: { schema: oidcSettings, doc: 'Any OpenID Connect provider: Auth0, Okta, Azure, Keycloak.' },
  github: {
    schema: githubSettings,
    doc: 'GitHub accounts, also of an Enterprise server, with organizations and teams.',
  },
  gitlab: { schema: gitlabSettings, doc: 'GitLab accounts, also of a server of your own, with groups.' },
  google: { schema: googleSettings, doc: 'Google accounts, with groups of a Workspace.' },
  microsoft: { schema: microsoftSettings, doc: 'Microsoft accounts, with groups of Entra ID.' },
  oauth: {
    schema: oauthSettings,
    doc: 'A service that speaks OAuth 2.0 and has a page about its user. It cannot be asked again: no refresh tokens.',
  },
  saml: { schema: samlSettings, doc: 'An identity provider that speaks SAML 2.0, by the POST binding.' },
  mockCallback: {
    schema: mockCallbackSettings,
    doc: 'For trying: signs everybody in as Kilgore Trout, of the group authors.',
  },
  mockPassword: { schema: mockPasswordSettings, doc: 'For trying: one name with one password.' },
}

/** Types of Dex that have another name, too. */
export const otherNames: Readonly<Record<string, ConnectorType>> = { samlExperimental: 'saml' }

const external = 'run Dex for it, and name that one here by a connector of type oidc'

/** Types of Dex that are not there, with the reason and the way out. */
export const refusedTypes: Readonly<Record<string, string>> = {
  authproxy:
    'it believes headers of a proxy in front, and that proxy is this one: people would be sent around in a circle. Sign people in by another connector',
  local: 'it is built in: set enablePasswordDB: true',
  keystone: external,
  'bitbucket-cloud': external,
  openshift: external,
  'atlassian-crowd': external,
  gitea: `${external}; a Gitea of 1.23 or later speaks OpenID Connect itself: type oidc`,
  linkedin: 'LinkedIn speaks OpenID Connect itself: type oidc, issuer https://www.linkedin.com/oauth',
}

interface Common {
  readonly id: string
  readonly name: string
  /** As it was written, decoded to JSON with variables put in: for management, and to see whether something changed. */
  readonly raw: Readonly<Record<string, unknown>>
  readonly groups: GroupRules | undefined
  /** Grants it may be used for; empty: all. */
  readonly grantTypes: readonly string[]
  /** Where its `config` stands, for messages. */
  readonly source?: { readonly place: Place; readonly path: string }
  /** Stands for the contents of the files that it names; absent where there are none, or they are not watched. */
  readonly files?: string
}

/** One connector, checked. */
export type ConnectorSettings = {
  readonly [T in ConnectorType]: Common & { readonly type: T; readonly config: ConnectorConfigs[T] }
}[ConnectorType]
