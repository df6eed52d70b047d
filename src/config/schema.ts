/** Every setting, declared once. Types, parsers, defaults, environment names and docs/config.md come from here. */
import { z } from 'zod'
import type { Secret } from '../crypto/secret.ts'
import type { BrokerSettings } from './dex/broker-settings.ts'
import type { Certificate } from './pem-types.ts'
import type { Excerpt, Place } from './place.ts'
import type { RecordSet } from './read-records.ts'
import type { routeSchema } from './route-settings.ts'
import { brokerSettings } from './settings-broker.ts'
import { identitySettings } from './settings-identity.ts'
import { listenerSettings } from './settings-listener.ts'
import { policyToolSettings } from './settings-policy-tools.ts'
import { upstreamSettings } from './settings-upstream.ts'

/** The global settings; `routes` and the older `policy` are read beside them, entry by entry, by `routeSchema`. */
export const settingsSchema = z.object({
  ...listenerSettings,
  ...identitySettings,
  ...brokerSettings,
  ...upstreamSettings,
  ...policyToolSettings,
})

/** The global values before they are sure: a key is missing where its value was wrong. */
export type SettingValues = Partial<z.output<typeof settingsSchema>>

/** Where a route or a named policy was written, so that logs and explanations can point there. */
export interface WrittenAt {
  /** `routes[2]`, `policy[0]` or `policies.staff`. */
  readonly path: string
  readonly place: Place
  /** Place of something inside it, such as `['policy', 0, 'allow', 'or', 1]`; the nearest known one above it otherwise. */
  locate(path: readonly (string | number)[]): Place
  /** The same for a remark: at the key where the path ends with one, with the line it stands in. */
  remark(path: readonly (string | number)[]): { readonly place: Place; readonly excerpt: Excerpt | undefined }
}

/** One published application. Unset optional keys are absent or undefined. */
export type RouteSettings = Readonly<Omit<z.output<typeof routeSchema>, 'tls_upstream_server_name'>> & {
  readonly source: WrittenAt
}

/** Rules that routes take in by `use: NAME`. */
export interface NamedPolicy {
  readonly value: unknown
  readonly source: WrittenAt
}

/** The whole configuration, checked. Keys are Pomerium's. */
export type Settings = Readonly<
  Omit<
    z.output<typeof settingsSchema>,
    | 'certificate'
    | 'certificate_key'
    | 'shared_secret'
    | 'cookie_secret'
    | 'set_response_headers'
    | 'policies'
    | 'records'
    | 'broker'
  >
> & {
  /** All certificates: the single pair first, then the list. */
  readonly certificates: readonly Certificate[]
  /** Base64 of 32 bytes; made at random where the configuration has none. */
  readonly shared_secret: Secret
  /** Base64 of 32 bytes; made at random where the configuration has none. */
  readonly cookie_secret: Secret
  /** With the defaults filled in. */
  readonly set_response_headers: Readonly<Record<string, string>>
  /** The identity broker of this process, where there is one. */
  readonly broker: BrokerSettings | undefined
  /** By name. */
  readonly policies: ReadonlyMap<string, NamedPolicy>
  /** By type, with what their files held. */
  readonly records: ReadonlyMap<string, RecordSet>
  /** In the order they are matched: entries of `policy`, then of `routes`. */
  readonly routes: readonly RouteSettings[]
}
