/** What the benchmarks of the broker have in common: brokers in processes of their own, people, and how often a second. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashSync } from 'bcryptjs'
import { startDirectory } from '#test/actors/directory.ts'
import { accepts, findProgram, freePort, startProgram } from '#test/actors/program.ts'
import { callback, type Person, Visitor } from './broker-visitor.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const users = Array.from({ length: 64 }, (_, at) => `user${at}`)
const hash = hashSync('right', 10)

export interface BrokerWorld extends AsyncDisposable {
  readonly folder: string
  /** Its issuer. Without connectors it knows the users of its file. `dex`: a Dex on PATH in its place. */
  start(storage: object, options?: { connectors?: readonly object[]; dex?: boolean }): Promise<string>
  /** A connector for a directory that is started; undefined where there is no slapd. */
  directory(): Promise<object | undefined>
}

export function makeBrokerWorld(): BrokerWorld {
  const folder = mkdtempSync(join(tmpdir(), 'ostiary-bench-broker-'))
  const stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  return {
    folder,
    async start(storage, { connectors = [], dex = false } = {}) {
      const port = await freePort()
      const issuer = `http://127.0.0.1:${port}/dex`
      const file = join(folder, `${port}.json`)
      const configuration = {
        ...{ issuer, storage, web: { http: `127.0.0.1:${port}` }, oauth2: { skipApprovalScreen: true } },
        ...(dex ? { logger: { level: 'error' } } : { admin: { socket: '' } }),
        staticClients: [{ id: 'app', name: 'app', secret: 'secret', redirectURIs: [callback] }],
        connectors,
        ...(connectors.length === 0 && {
          enablePasswordDB: true,
          staticPasswords: users.map((name) => ({ email: `${name}@corp.test`, hash, username: name, userID: name })),
        }),
      }
      writeFileSync(file, JSON.stringify(configuration))
      stack.use(
        await startProgram({
          name: dex ? 'Dex' : 'the broker',
          command: dex ? (findProgram('dex') ?? '') : process.execPath,
          args: dex ? ['serve', file] : [main, 'broker', '--config', file, '--log-level', 'error'],
          cwd: folder,
          asOurselves: true,
          isReady: () => accepts('127.0.0.1', port),
        }),
      )
      return issuer
    },
    async directory() {
      if (!findProgram('slapd')) return undefined
      const { host, plainPort } = stack.use(await startDirectory({ suffix: 'dc=corp,dc=test' }))
      const config = {
        ...{ host: `${host}:${plainPort}`, insecureNoSSL: true, usernamePrompt: 'Email' },
        ...{ bindDN: 'uid=dex,cn=sysaccounts,cn=etc,dc=corp,dc=test', bindPW: 'dex-bind-pw' },
        userSearch: {
          ...{ baseDN: 'cn=users,cn=accounts,dc=corp,dc=test', username: 'mail', idAttr: 'uidNumber' },
          ...{ emailAttr: 'mail', nameAttr: 'displayName', preferredUsernameAttr: 'uid' },
        },
        groupSearch: {
          ...{ baseDN: 'cn=groups,cn=accounts,dc=corp,dc=test', filter: '(objectClass=groupOfNames)', nameAttr: 'cn' },
          userMatchers: [{ userAttr: 'DN', groupAttr: 'member' }],
        },
      }
      return { type: 'ldap', id: 'ldap', name: 'LDAP', config }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export function personOfFile(who: number): Person {
  return { login: `user${who % users.length}@corp.test`, password: 'right' }
}

export function personOfDirectory(who: number): Person {
  const name = ['alice', 'bob', 'carol'][who % 3] ?? 'alice'
  return { login: `${name}@corp.test`, password: `${name}-pw` }
}

/** Visitors who ask at once, and for how long. */
export interface Pace {
  readonly visitors: number
  readonly seconds: number
}

/** How often `act` is done a second. */
export async function perSecond(act: (who: number) => Promise<unknown>, { visitors, seconds }: Pace): Promise<number> {
  const [begin, end] = [performance.now(), performance.now() + seconds * 1000]
  let count = 0
  const one = async (who: number) => {
    while (performance.now() < end) {
      await act(who)
      count++
    }
  }
  await Promise.all(Array.from({ length: visitors }, (_, who) => one(who)))
  return count / ((performance.now() - begin) / 1000)
}

/** What is measured of a broker, each a second. */
export interface Acts {
  /** The whole way of somebody new, over the form to the code. */
  signIn(who: number): Promise<unknown>
  /** Somebody whom the broker knows: request and tokens. */
  known(who: number): Promise<unknown>
  refresh(who: number): Promise<unknown>
}

/** Signs in those who are known, first. */
export async function actsAt(issuer: string, person: (who: number) => Person, visitors: number): Promise<Acts> {
  const known = await Promise.all(
    Array.from({ length: visitors }, async (_, who) => {
      const visitor = new Visitor(issuer)
      return { visitor, token: await visitor.redeem(await visitor.code(person(who))) }
    }),
  )
  const ofKnown = (who: number) => known[who] ?? { visitor: new Visitor(issuer), token: '' }
  return {
    signIn: (who) => new Visitor(issuer).code(person(who)),
    async known(who) {
      const one = ofKnown(who)
      // Where there is one refresh token for a user (Dex) the older one has ended.
      one.token = await one.visitor.redeem(await one.visitor.code(person(who)))
    },
    async refresh(who) {
      const one = ofKnown(who)
      one.token = await one.visitor.refresh(one.token)
    },
  }
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
