/** What the tests of the `ldap` connector share: settings in Dex's form, and a connector opened with them. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PasswordConnector, UpstreamIdentity } from '#src/broker/connectors/connector.ts'
import { openLdapConnector } from '#src/broker/connectors/ldap.ts'
import { dexSubject } from '#src/broker/provider/dex-subject.ts'
import { ldapSettings } from '#src/config/dex/connectors/ldap.ts'

/** A config as it stands in Dex's file, after YAML or JSON. */
export type RawConfig = Readonly<Record<string, unknown>>

const named: Readonly<Record<string, { readonly config: RawConfig }>> = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../vectors/dex/connectors.json'), 'utf8'),
)

/** One of the configurations of the vectors, at another place. */
export function vectorConfig(name: string, host: string): RawConfig {
  const config = named[name]?.config
  if (config === undefined) throw new Error(`there is no connector ${name} in connectors.json`)
  return { ...config, host }
}

export const vectorNames = Object.keys(named)

/** Sections one level down are merged, so that a test says only what it is about. */
export function changed(config: RawConfig, changes: RawConfig): RawConfig {
  const merged = Object.entries(changes).map(([key, value]) => {
    const old = config[key]
    return [key, isSection(value) && isSection(old) ? { ...old, ...value } : value]
  })
  return { ...config, ...Object.fromEntries(merged) }
}

const isSection = (value: unknown): value is RawConfig =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export interface Opened extends AsyncDisposable {
  readonly connector: PasswordConnector
  readonly warnings: readonly string[]
  signIn(login: string, password: string): Promise<UpstreamIdentity | undefined>
  refresh(identity: UpstreamIdentity): Promise<UpstreamIdentity>
}

export interface OpenOptions {
  readonly id?: string
  readonly now?: () => number
}

export function open(config: RawConfig, { id = 'ldap', now = Date.now }: OpenOptions = {}): Opened {
  const warnings: string[] = []
  const connector = openLdapConnector(ldapSettings.parse(config), {
    id,
    callbackUrl: 'https://sso.corp.test/callback',
    readFile: (path) => readFile(path, 'utf8'),
    now,
    warn: (message) => warnings.push(message),
  })
  const asked = { scopes: { groups: true, offlineAccess: true }, signal: AbortSignal.timeout(20_000) }
  return {
    connector,
    warnings,
    signIn: (login, password) => connector.signIn({ login, password }, asked),
    refresh: (identity) => {
      if (!connector.refresh) throw new Error('the connector cannot refresh')
      return connector.refresh(identity, asked)
    },
    [Symbol.asyncDispose]: () => connector.close(),
  }
}

/** The claims of Dex's ID token for somebody, with scopes openid profile email groups; what is empty is left out. */
export function claimsOf(identity: UpstreamIdentity, connectorId: string): Readonly<Record<string, unknown>> {
  const { userId, email, emailVerified, groups, name, preferredUsername } = identity
  return {
    sub: dexSubject({ userId, connectorId }),
    email,
    email_verified: emailVerified,
    ...(groups.length > 0 && { groups }),
    ...(name !== '' && { name }),
    ...(preferredUsername !== '' && { preferred_username: preferredUsername }),
  }
}
