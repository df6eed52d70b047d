/** A broker's management for tests: its store in memory, its book, mock connectors and a directory that may be away. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConnectorBook } from '#src/broker/connectors/connector-book.ts'
import { openConnectorOf } from '#src/broker/connectors/open-connector.ts'
import type { RoutesOpenTo } from '#src/broker/management/diagnose-connector.ts'
import { type LocalManagement, localManagement } from '#src/broker/management/local-management.ts'
import type { StoredPassword } from '#src/broker/management/records.ts'
import { localUsers } from '#src/broker/passwords/local-users.ts'
import { PasswordChecker } from '#src/broker/passwords/password-checker.ts'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import type { Store } from '#src/broker/store/store.ts'
import { readRunTimeConnector } from '#src/cli/broker/read-connector.ts'
import type { ClientSettings } from '#src/config/dex/broker-settings.ts'
import type { ConnectorSettings } from '#src/config/dex/connectors/connector-settings.ts'

export interface World extends AsyncDisposable {
  readonly management: LocalManagement
  readonly store: Store
  readonly book: ConnectorBook
  readonly warnings: string[]
  /** Ids of connectors in the order they were opened and closed: `+a`, `-a`. */
  readonly openings: string[]
  /** A folder of the test's own, mode 0700. */
  readonly folder: string
}

export interface WorldOptions {
  readonly store?: Store
  readonly clients?: readonly ClientSettings[]
  readonly passwords?: readonly StoredPassword[]
  readonly routesOpenTo?: RoutesOpenTo
}

export function makeWorld({ store = openMemoryStore({ now: Date.now }), ...options }: WorldOptions = {}): World {
  const warnings: string[] = []
  const openings: string[] = []
  const folder = mkdtempSync(join(tmpdir(), 'ostiary-management-'))
  const checker = new PasswordChecker()
  const book = new ConnectorBook({
    open: async (settings, tools) => {
      const connector = await openConnectorOf(settings, tools, { users: () => localUsers([], store), checker })
      openings.push(`+${settings.id}`)
      return {
        ...connector,
        close: async () => {
          openings.push(`-${settings.id}`)
          await connector.close()
        },
      }
    },
    toolsFor: (id) => ({
      id,
      callbackUrl: 'http://127.0.0.1:5556/dex/callback',
      readFile: () => Promise.reject(new Error('no files here')),
      now: Date.now,
      warn: () => {},
    }),
    warn: (message) => warnings.push(message),
  })
  const management = localManagement({
    store,
    book,
    readConnector: readRunTimeConnector,
    warn: (message) => warnings.push(message),
    fileClients: () => options.clients ?? [],
    filePasswords: () => options.passwords ?? [],
    isPassword: (password, hash) =>
      checker.isRight(password, { hash, costliest: 10, signal: AbortSignal.timeout(20_000) }),
    grantKinds: ['RefreshToken', 'Grant'],
    sessionKinds: ['Session'],
    discovery: () => ({ issuer: 'http://127.0.0.1:5556/dex', scopes_supported: ['openid', 'groups'] }),
    lifetimes: () => ({ id_token_expiry: '24h0m0s', rotation_token_expiry: 'no limit' }),
    server: 'ostiary 0.0.0',
    ...(options.routesOpenTo && { routesOpenTo: options.routesOpenTo }),
  })
  return {
    management,
    store,
    book,
    warnings,
    openings,
    folder,
    async [Symbol.asyncDispose]() {
      await book[Symbol.asyncDispose]()
      await checker.close()
      await store[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Connectors as somebody writes them. */
export const kilgore = {
  id: 'kilgore',
  type: 'mockPassword',
  name: 'Kilgore',
  config: { username: 'admin', password: 'hunter2-pw' },
} as const

/** A directory that nobody serves. */
export const away = {
  id: 'away',
  type: 'ldap',
  name: 'FreeIPA',
  config: {
    host: '127.0.0.1:9',
    insecureNoSSL: true,
    bindDN: 'uid=dex,dc=corp,dc=test',
    bindPW: 'bind-pw-secret',
    userSearch: { baseDN: 'dc=corp,dc=test', username: 'uid', idAttr: 'uid', emailAttr: 'mail', nameAttr: 'cn' },
  },
} as const

export const careful = { force: false } as const
export const forced = { force: true } as const

/** The connector of a file. */
export function fileConnector(id: string, password = 'hunter2-pw'): ConnectorSettings {
  const read = readRunTimeConnector({ ...kilgore, id, config: { username: 'admin', password } })
  if (read.kind === 'problems') throw new Error(read.lines.join())
  return read.settings
}

/** A store that is elsewhere: each answer comes in its own time, so that others get in between a look and a writing. */
export function distantStore(store: Store): Store {
  const away = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
  const far =
    <A extends readonly unknown[], R>(call: (...given: A) => Promise<R>) =>
    async (...given: A) => {
      await away()
      const answer = await call(...given)
      await away()
      return answer
    }
  return {
    put: far((record, options) => store.put(record, options)),
    get: far((kind, id) => store.get(kind, id)),
    findBy: far((kind, index, value) => store.findBy(kind, index, value)),
    list: far((kind, options) => store.list(kind, options)),
    consume: far((kind, id, now) => store.consume(kind, id, now)),
    delete: far((kind, id) => store.delete(kind, id)),
    deleteBy: far((kinds, index, value) => store.deleteBy(kinds, index, value)),
    count: far((kind) => store.count(kind)),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
