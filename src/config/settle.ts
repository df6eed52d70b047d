/** From checked values to the configuration as everybody else sees it: whole, with the last defaults, frozen. */
import { randomBytes } from 'node:crypto'
import { Secret } from '../crypto/secret.ts'
import type { BrokerSettings } from './dex/broker-settings.ts'
import type { RecordSet } from './read-records.ts'
import { type RouteDraft, sourceOf } from './route-draft.ts'
import type { NamedPolicy, RouteSettings, Settings, SettingValues } from './schema.ts'

/** Makes a key of 32 bytes, in base64, for a secret that nobody set. */
export type RandomKey = (name: 'shared_secret' | 'cookie_secret') => string

/** Keys made at random, the same ones each time they are asked for: a reload must not end all sessions. */
export function rememberRandomKeys(): RandomKey {
  const made = new Map<string, string>()
  return (name) => {
    const key = made.get(name) ?? randomBytes(32).toString('base64')
    made.set(name, key)
    return key
  }
}

/** What was read and checked: nothing is wrong with it. */
export interface Checked {
  readonly values: SettingValues
  readonly policies: ReadonlyMap<string, NamedPolicy>
  readonly records: ReadonlyMap<string, RecordSet>
  readonly drafts: readonly RouteDraft[]
  readonly broker: BrokerSettings | undefined
}

export function settle(
  { values, policies, records, drafts, broker }: Checked,
  randomKey: RandomKey = rememberRandomKeys(),
): Settings {
  const {
    certificate,
    certificate_key,
    shared_secret,
    cookie_secret,
    set_response_headers,
    certificates = [],
    ...rest
  } = values
  const single =
    certificate !== undefined && certificate_key !== undefined ? [{ ...certificate, key: certificate_key }] : []
  const all = [...single, ...certificates]
  const settings: Settings = {
    ...(rest as Omit<
      Settings,
      | 'certificates'
      | 'shared_secret'
      | 'cookie_secret'
      | 'set_response_headers'
      | 'policies'
      | 'records'
      | 'routes'
      | 'broker'
    >),
    policies,
    records,
    broker,
    certificates: all,
    shared_secret: shared_secret ?? new Secret(randomKey('shared_secret')),
    cookie_secret: cookie_secret ?? new Secret(randomKey('cookie_secret')),
    set_response_headers: responseHeaders(set_response_headers, all.length > 0),
    routes: drafts.map(settleRoute),
  }
  return freeze(settings)
}

function settleRoute(draft: RouteDraft): RouteSettings {
  const { tls_upstream_server_name: newer, tls_server_name: older, ...rest } = draft.values
  const name = newer ?? older
  const route = { ...(rest as Omit<RouteSettings, 'source'>), ...(name === undefined ? {} : { tls_server_name: name }) }
  return { ...route, source: sourceOf(draft) }
}

/** What every answer carries unless the configuration says otherwise; HSTS only where we end TLS ourselves. */
function responseHeaders(
  given: Readonly<Record<string, string>> | undefined,
  encrypted: boolean,
): Readonly<Record<string, string>> {
  if (given !== undefined) return isDisabled(given) ? {} : given
  return {
    'X-Frame-Options': 'SAMEORIGIN',
    'X-XSS-Protection': '1; mode=block',
    ...(encrypted ? { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains; preload' } : {}),
  }
}

/** A header named `disable`, with any value but false, stands for "none at all". */
function isDisabled(headers: Readonly<Record<string, string>>): boolean {
  return Object.entries(headers).some(([name, value]) => name.toLowerCase() === 'disable' && value !== 'false')
}

/** The value and all inside of it, never to be changed again. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || value instanceof Secret) return value
  for (const inner of Object.values(value)) freeze(inner)
  return Object.freeze(value)
}
