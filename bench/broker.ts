/**
 * `node bench/broker.ts`: what the broker costs. Sign-ins, tokens and refreshes a second of a broker in a process of its
 * own, with users of its file and with a directory; memory with 100,000 refresh tokens. Writes RESULTS-broker.md.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashSync } from 'bcryptjs'
import { startDirectory } from '#test/actors/directory.ts'
import { accepts, findProgram, freePort, startProgram } from '#test/actors/program.ts'
import { callback, type Person, Visitor } from './broker-visitor.ts'

const seconds = Number(process.env['BENCH_SECONDS'] ?? 5)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3)
const visitors = 8
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const storeProgram = fileURLToPath(new URL('./broker-memory.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'ostiary-bench-broker-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rmSync(folder, { recursive: true, force: true }))

const users = Array.from({ length: 64 }, (_, at) => `user${at}`)
const hash = hashSync('right', 10)
const storages = {
  memory: { type: 'memory' },
  sqlite3: { type: 'sqlite3', config: { file: join(folder, 'broker.db') } },
}

async function startBroker(storage: object, connectors: readonly object[]): Promise<string> {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  const file = join(folder, `${port}.json`)
  const configuration = {
    ...{
      issuer,
      storage,
      web: { http: `127.0.0.1:${port}` },
      oauth2: { skipApprovalScreen: true },
      admin: { socket: '' },
    },
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
      name: 'the broker',
      command: process.execPath,
      args: [main, 'broker', '--config', file, '--log-level', 'error'],
      cwd: folder,
      asOurselves: true,
      isReady: () => accepts('127.0.0.1', port),
    }),
  )
  return issuer
}

/** How often `act` is done a second by some at once; the median of the rounds. */
async function perSecond(act: (who: number) => Promise<unknown>): Promise<number> {
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    const [begin, end] = [performance.now(), performance.now() + seconds * 1000]
    let count = 0
    const one = async (who: number) => {
      while (performance.now() < end) {
        await act(who)
        count++
      }
    }
    await Promise.all(Array.from({ length: visitors }, (_, who) => one(who)))
    rates.push(count / ((performance.now() - begin) / 1000))
  }
  return rates.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0
}

async function measure(issuer: string, person: (who: number) => Person): Promise<readonly number[]> {
  const signIns = await perSecond((who) => new Visitor(issuer).code(person(who)))
  const known = await Promise.all(
    Array.from({ length: visitors }, async (_, who) => {
      const visitor = new Visitor(issuer)
      return { visitor, token: await visitor.redeem(await visitor.code(person(who))) }
    }),
  )
  const again = await perSecond(async (who) => {
    const { visitor } = known[who] ?? { visitor: new Visitor(issuer) }
    await visitor.redeem(await visitor.code(person(who)))
  })
  const refreshes = await perSecond(async (who) => {
    const one = known[who]
    if (one) one.token = await one.visitor.refresh(one.token)
  })
  return [signIns, again, refreshes]
}

const rows: string[] = []
const add = (name: string, [signIns = 0, again = 0, refreshes = 0]: readonly number[]) => {
  rows.push(`| ${name} | ${signIns.toFixed(0)} | ${again.toFixed(0)} | ${refreshes.toFixed(0)} |`)
  process.stdout.write(`${rows.at(-1)}\n`)
}
const local = (who: number): Person => ({ login: `user${who}@corp.test`, password: 'right' })
for (const [name, storage] of Object.entries(storages)) {
  add(`users of the file, ${name}`, await measure(await startBroker(storage, []), local))
}
if (findProgram('slapd')) {
  const directory = stack.use(await startDirectory({ suffix: 'dc=corp,dc=test' }))
  const config = {
    ...{ host: `${directory.host}:${directory.plainPort}`, insecureNoSSL: true, usernamePrompt: 'Email' },
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
  const issuer = await startBroker(storages.memory, [{ type: 'ldap', id: 'ldap', name: 'LDAP', config }])
  const people = ['alice', 'bob', 'carol']
  const one = (who: number): Person => {
    const name = people[who % people.length] ?? 'alice'
    return { login: `${name}@corp.test`, password: `${name}-pw` }
  }
  add('LDAP directory, memory', await measure(issuer, one))
}

const memory = ['memory', 'sqlite3'].map((kind) => {
  const program = spawnSync(process.execPath, ['--expose-gc', storeProgram, kind], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  if (program.status !== 0) throw new Error(program.stderr)
  process.stdout.write(program.stdout)
  return program.stdout.trim()
})

writeFileSync(
  new URL('./RESULTS-broker.md', import.meta.url),
  `# What the broker costs

Written by \`node bench/broker.ts\`: ${rounds} rounds of ${seconds} s, ${visitors} visitors at once, the broker in a process of its own, visitors
and directory on the same two cores. Median of the rounds, a second. A sign-in is the whole way from the request over the
form to the code; "known" is request and tokens of a browser that the broker remembers; tokens are two RS256 signatures.

| | sign-ins | known | refreshes |
|---|---|---|---|
${rows.join('\n')}

Users of the file cost a bcrypt comparison (cost 10) each, in a thread for each core: that is what bounds them.

## 100,000 refresh tokens

| store | memory | on disk | written a second | read a second |
|---|---|---|---|---|
${memory.join('\n')}
`,
)
