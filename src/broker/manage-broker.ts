/** Management of the broker that is open in this process, and the look at what other instances on its store have changed. */
import type { BrokerSettings } from '../config/dex/broker-settings.ts'
import { bcryptCosts } from '../crypto/bcrypt-hash.ts'
import { printDuration } from '../wire/duration.ts'
import type { ConnectorBook } from './connectors/connector-book.ts'
import type { BrokerDoors } from './doors.ts'
import { basePathOf } from './issuer.ts'
import type { RoutesOpenTo } from './management/diagnose-connector.ts'
import type { ReadConnector } from './management/local-connectors.ts'
import { type LocalManagement, localManagement } from './management/local-management.ts'
import { Revocations } from './management/revocations.ts'
import type { PasswordChecker } from './passwords/password-checker.ts'
import type { Store } from './store/store.ts'

export interface ManageOptions {
  readonly store: Store
  readonly book: ConnectorBook
  readonly checker: PasswordChecker
  readonly doors: BrokerDoors
  /** Those in force. */
  settings(): BrokerSettings
  readonly readConnector: ReadConnector
  readonly routesOpenTo?: RoutesOpenTo
  onRevoked(subject: string, at: number): void
  readonly version: string
  readonly now: () => number
  report(message: string, error?: unknown): void
}

export interface ManagedBroker extends Disposable {
  readonly management: LocalManagement
  /** Looks for the first time, and from then on every few seconds until it is disposed of. */
  follow(): Promise<void>
}

/** Milliseconds until what another instance has changed in the same store is in service here. */
const followEvery = 5_000

/** Kinds of records that are over when somebody's tokens, and their sessions, are revoked. */
const grantKinds = ['AccessToken', 'RefreshToken', 'AuthorizationCode', 'DeviceCode', 'Grant', 'GrantIdentity']
const sessionKinds = ['Session', 'SessionIdentity']

export function manageBroker(options: ManageOptions): ManagedBroker {
  const { store, book, checker, doors, settings, report } = options
  const revocations = new Revocations({ store, now: options.now, tell: options.onRevoked })
  const management = localManagement({
    ...{ store, book, grantKinds, sessionKinds, readConnector: options.readConnector, warn: report },
    fileClients: () => settings().staticClients,
    filePasswords: () => settings().staticPasswords.map(({ userID, ...user }) => ({ ...user, userId: userID })),
    isPassword: (password, hash) =>
      checker.isRight(password, { hash, costliest: bcryptCosts.least, signal: AbortSignal.timeout(20_000) }),
    // What ends at one application only is refused to it at its next refresh.
    onRevoked: async (subject, clientId) => (clientId === undefined ? await revocations.add(subject) : undefined),
    discovery: async () => await readDiscovery(doors, settings().issuer),
    lifetimes: () => lifetimesOf(settings()),
    server: `ostiary ${options.version}`,
    ...(options.routesOpenTo && { routesOpenTo: options.routesOpenTo }),
  })
  const look = async () => {
    await management.refresh()
    await revocations.look()
  }
  let timer: NodeJS.Timeout | undefined
  return {
    management,
    async follow() {
      await look()
      timer = setInterval(
        () => void look().catch((error) => report('cannot look for what other instances have changed', error)),
        followEvery,
      )
      timer.unref()
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

/** By the names of `pachctl idp get-config`. */
function lifetimesOf({ expiry }: BrokerSettings) {
  const { idTokens, refreshTokens } = expiry
  const { absoluteLifetime } = refreshTokens
  return {
    id_token_expiry: printDuration(idTokens),
    rotation_token_expiry: absoluteLifetime === 0 ? 'no limit' : printDuration(absoluteLifetime),
  }
}

/** As applications see it. */
async function readDiscovery({ inside }: BrokerDoors, issuer: string) {
  const answer = await fetch(`${inside}${basePathOf(issuer)}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(5_000),
  })
  return (await answer.json()) as Record<string, never>
}
