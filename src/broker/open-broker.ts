/**
 * The broker: an OpenID provider in this process with Dex's paths, files and subjects. It is spoken with over sockets
 * like any other, by the proxy beside it and by other applications.
 */
import { randomBytes } from 'node:crypto'
import type { BrokerSettings } from '../config/dex/broker-settings.ts'
import type { Revealable } from '../crypto/key-ring.ts'
import type { ProxyFor } from '../outbound/environment-proxy.ts'
import type { Audit } from './audit.ts'
import { ConnectorBook } from './connectors/connector-book.ts'
import { openConnectorOf } from './connectors/open-connector.ts'
import { declaredConnectors } from './declared-connectors.ts'
import { type BrokerDoors, openBrokerDoors } from './doors.ts'
import { type Front, makeFront } from './front.ts'
import { ClientGuesses } from './guesses/client-guesses.ts'
import { UserCodeGuesses } from './guesses/user-code-guesses.ts'
import { callbackOf, hostPrefixOf } from './issuer.ts'
import { manageBroker } from './manage-broker.ts'
import type { RoutesOpenTo } from './management/diagnose-connector.ts'
import type { ReadConnector } from './management/local-connectors.ts'
import { type LocalManagement, reconciliationText } from './management/local-management.ts'
import { findStoredClient } from './management/records.ts'
import { localUsers } from './passwords/local-users.ts'
import { PasswordChecker } from './passwords/password-checker.ts'
import { Accounts } from './provider/accounts.ts'
import { BoundedRecords } from './provider/bounded-records.ts'
import { ClientBook } from './provider/client-book.ts'
import { Identities } from './provider/identities.ts'
import { loadOidcLibrary } from './provider/oidc-library.ts'
import { openSigningKeys } from './provider/signing-keys.ts'
import { serveProvider } from './serve-provider.ts'
import { AttemptCookies } from './sign-in/attempt-cookies.ts'
import { SignIn } from './sign-in/sign-in.ts'
import { openStore } from './store/open-store.ts'
import type { Store } from './store/store.ts'
import type { BrokerPages } from './views.ts'

export interface BrokerOptions {
  readonly settings: BrokerSettings
  /** What seals the store: base64 of 32 octets each, newest first; SQLite and memory do without. */
  readonly storeSecrets: readonly Revealable[]
  readonly pages: BrokerPages
  /** Reads a connector's keys at run time, as the configuration does. */
  readonly readConnector: ReadConnector
  readFile(path: string): Promise<string>
  /** Which proxy leads to services behind connectors; absent: none to any. */
  readonly proxyFor?: ProxyFor | undefined
  readonly now: () => number
  /** Told of each decision about somebody's identity. */
  readonly audit: Audit
  /** What operators should know; never a secret. */
  log(level: 'info' | 'warn' | 'error', message: string, details?: Readonly<Record<string, unknown>>): void
  /** Which of the proxy's routes somebody may use, for `idp test`. */
  readonly routesOpenTo?: RoutesOpenTo
  /** Told after management has ended all of a user, here or at another instance: sessions from before `at` are over. */
  readonly onRevoked?: (subject: string, at: number) => void
  readonly version: string
  /** Doors that are open already; otherwise those of the settings are opened. */
  readonly doors?: BrokerDoors
}

export interface Broker extends AsyncDisposable {
  readonly issuer: string
  readonly front: Front
  readonly doors: BrokerDoors
  readonly management: LocalManagement
  /** Takes clients, connectors and users of a changed configuration into service; the rest needs a restart. */
  reload(settings: BrokerSettings): Promise<void>
}

/** Rejects where the store, a key or an address cannot be had; then nothing is open. */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const { now, pages, audit, log } = options
  const report = (message: string, error?: unknown, requestId?: string) =>
    log('warn', message, {
      ...(requestId !== undefined && { 'request-id': requestId }),
      ...(error !== undefined && { error }),
    })
  await using opened = new AsyncDisposableStack()
  const library = await loadOidcLibrary()
  let { settings } = options
  const { issuer } = settings

  const store = opened.use(await openStore(settings.storage, { secrets: options.storeSecrets, now }))
  const cookieKey = await readCookieKey(store)
  const keys = opened.use(
    await openSigningKeys({
      store,
      algorithm: settings.signer.algorithm,
      rotationPeriod: settings.expiry.signingKeys,
      keepFor: settings.expiry.idTokens,
      now,
      onError: (error) => report('signing keys could not be brought up to date', error),
    }),
  )
  const checker = new PasswordChecker()
  opened.defer(() => checker.close())
  const connectors = opened.use(
    new ConnectorBook({
      open: (connector, tools) =>
        openConnectorOf(connector, tools, { users: () => localUsers(settings.staticPasswords, store), checker }),
      toolsFor: (id) => ({
        id,
        callbackUrl: callbackOf(issuer),
        readFile: options.readFile,
        proxyFor: options.proxyFor,
        now,
        warn: (message) => log('warn', message, { connector: id }),
      }),
      warn: report,
    }),
  )
  const clients = new ClientBook(settings.staticClients, findStoredClient(store))
  const identities = new Identities(store)
  const records = new BoundedRecords({ store, now, report })

  const signIn = new SignIn({
    ...{ issuer, store, clients, connectors, identities, pages, now, report, records },
    audit: (event) => audit({ act: 'sign-in', ...event }),
    cookies: new AttemptCookies(cookieKey, hostPrefixOf(issuer)),
    alwaysChoose: settings.oauth2.alwaysShowLoginScreen,
    rememberByDefault: settings.sessions.rememberMeCheckedByDefault,
  })
  const accounts = new Accounts({
    ...{ identities, connectors, clients, errors: library.errors, now },
    sessionLife: settings.sessions.absoluteLifetime,
    reuseInterval: settings.expiry.refreshTokens.reuseInterval,
    report: (error, context) => log('warn', 'a source could not be asked again', { error, ...context }),
  })
  const served = serveProvider(settings, {
    ...{ library, keys, store, clients, connectors, identities, accounts, pages, now, audit, records, report },
    cookieKeys: [cookieKey],
    userCodes: new UserCodeGuesses({ pages, audit, now }),
    interactionUrl: (context, interaction) => signIn.begin(context, interaction as Parameters<SignIn['begin']>[1]),
  })
  const front = makeFront({
    ...{ issuer, signIn, pages, audit, report },
    headers: settings.web.headers,
    crossOrigin: settings.web,
    proofOf: (clientId) => clients.proofOf(clientId),
    clientGuesses: new ClientGuesses(now),
    serving: served.current,
    hasConnector: (id) => connectors.find(id) !== undefined,
  })
  const doors = options.doors ?? opened.use(await openBrokerDoors(settings.web, front))

  const managed = opened.use(
    manageBroker({
      ...{ store, book: connectors, checker, doors, now, report, readConnector: options.readConnector },
      settings: () => settings,
      ...(options.routesOpenTo && { routesOpenTo: options.routesOpenTo }),
      onRevoked: (subject, at) => options.onRevoked?.(subject, at),
      version: options.version,
    }),
  )
  const { management } = managed
  const reconcile = async () => {
    const text = reconciliationText(await management.reconcile(declaredConnectors(settings)))
    if (text !== undefined) log('info', text)
  }
  /** What cannot be used is told now, and not first to whoever wants to sign in. Nobody is asked anything. */
  const tryConnectors = async () => {
    for (const { id } of connectors.list())
      try {
        using _ = await connectors.borrow(id)
      } catch (error) {
        report(`connector "${id}" cannot be used`, error)
      }
  }
  await reconcile()
  await managed.follow()
  await tryConnectors()

  const owned = opened.move()
  return {
    issuer,
    front,
    doors,
    management,
    async reload(next) {
      settings = { ...settings, ...reloadable(next) }
      clients.declare(settings.staticClients)
      // They are served by now; that the store cannot keep what has changed must not hold up who changes a policy.
      await reconcile().catch((error) => report('cannot keep which connectors the configuration has changed', error))
      served.renew(settings)
      await tryConnectors()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function reloadable({ staticClients, connectors, staticPasswords, enablePasswordDB }: BrokerSettings) {
  return { staticClients, connectors, staticPasswords, enablePasswordDB }
}

/** Signs the broker's cookies; kept in the store, so that a restart and other instances know it. */
async function readCookieKey(store: Store): Promise<Buffer> {
  const [kind, id] = ['CookieKey', 'current'] as const
  await store.put({ kind, id, value: { key: randomBytes(32).toString('base64url') } }, { ifVersion: 0 })
  const record = await store.get(kind, id)
  return Buffer.from(String(record?.value['key'] ?? ''), 'base64url')
}
