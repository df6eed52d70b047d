/** A PostgreSQL of the test's own: a fresh cluster in its folder, on a free loopback port, as nobody when we are root. */
import { spawnSync } from 'node:child_process'
import { accessSync, appendFileSync, constants, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { PostgresSettings } from '#src/broker/store/postgres-store.ts'
import { Secret } from '#src/crypto/secret.ts'
import { milliseconds } from '#src/wire/units.ts'
import type { Certificate } from './certificate.ts'
import { accepts, findProgram, freePort, handOver, type Program, startProgram, temporaryFolder } from './program.ts'

export interface PostgresOptions {
  /** Makes it speak TLS; the files must be readable for nobody. */
  readonly certificate?: Certificate
  /** Waits for the disk at every commit, as a real one does; tests need not. */
  readonly isDurable?: boolean
}

export interface Postgres extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** As the broker's configuration gives it; TLS off. */
  readonly settings: PostgresSettings
  /** A database of its own, empty. */
  makeDatabase(): Promise<PostgresSettings>
  /** Runs SQL as the owner and gives the rows back. */
  run(sql: string, database?: string): Promise<readonly Record<string, unknown>[]>
  stop(): Promise<void>
  start(): Promise<void>
}

const PASSWORD = 'dex-db-pw'
const USER = 'dex'
const NOBODY = 65534
const DEBIAN = '/usr/lib/postgresql'

/** Debian keeps the programs of a server in a folder for each version, outside of PATH. */
function findServerProgram(name: string): string | undefined {
  const onPath = findProgram(name)
  if (onPath) return onPath
  try {
    const versions = readdirSync(DEBIAN).toSorted((one, other) => Number(other) - Number(one))
    return versions
      .map((version) => join(DEBIAN, version, 'bin', name))
      .find((path) => {
        accessSync(path, constants.X_OK)
        return true
      })
  } catch {
    return undefined
  }
}

/** The value for a test's `skip`, as `skipWithout`. */
export function skipWithoutPostgres(): string | false {
  const missing = ['initdb', 'postgres'].filter((name) => findServerProgram(name) === undefined)
  if (missing.length === 0 || process.env['OSTIARY_TEST_REQUIRE'] === 'all') return false
  return `needs the program ${missing.join(', ')}`
}

/** Makes a cluster and starts it: some two seconds. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const { certificate, isDurable = false } = options
  const [initdb, command] = [findServerProgram('initdb'), findServerProgram('postgres')]
  if (!initdb || !command) throw new Error('cannot start PostgreSQL: no program initdb or postgres')
  const host = '127.0.0.1'
  const port = await freePort(host)
  const folder = temporaryFolder('postgres')
  const data = join(folder.path, 'data')
  const settings = {
    type: 'postgres',
    host,
    port,
    database: 'postgres',
    user: USER,
    password: new Secret(PASSWORD),
    connectionTimeout: milliseconds(5_000),
    maxOpenConns: 5,
    ssl: { mode: 'disable', ca: undefined, cert: undefined, key: undefined },
  } as const
  let program: Program | undefined
  let databases = 0
  const start = async () => {
    program = await startProgram({
      name: 'postgres',
      command,
      args: ['-D', data],
      cwd: folder.path,
      isReady: () => answers(settings),
    })
  }
  const stop = async () => {
    // SIGTERM would wait for the clients to go.
    program?.signal('SIGINT')
    await program?.ended
    program = undefined
  }
  try {
    makeCluster(initdb, { data, cwd: folder.path })
    const lines = [
      `listen_addresses = '${host}'`,
      `port = ${port}`,
      `unix_socket_directories = '${folder.path}'`,
      ...(isDurable ? [] : ['fsync = off', 'synchronous_commit = off', 'full_page_writes = off']),
      ...(certificate
        ? ['ssl = on', `ssl_cert_file = '${certificate.certificateFile}'`, `ssl_key_file = '${certificate.keyFile}'`]
        : []),
    ]
    appendFileSync(join(data, 'postgresql.conf'), `${lines.join('\n')}\n`)
    await start()
  } catch (error) {
    folder[Symbol.dispose]()
    throw error
  }
  return {
    host,
    port,
    settings,
    run: (sql, database = settings.database) => runSql({ ...settings, database }, sql),
    async makeDatabase() {
      const database = `test_${++databases}`
      await runSql(settings, `CREATE DATABASE ${database}`)
      return { ...settings, database }
    },
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
      folder[Symbol.dispose]()
    },
  }
}

/** It refuses to run as root. */
function makeCluster(initdb: string, { data, cwd }: { data: string; cwd: string }): void {
  const passwordFile = join(cwd, 'password')
  writeFileSync(passwordFile, `${PASSWORD}\n`)
  handOver(passwordFile)
  const access = ['-U', USER, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`]
  const args = ['-D', data, ...access, '-E', 'UTF8', '--locale=C', '-N']
  const { status, stdout, stderr, error } = spawnSync(initdb, args, {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, LANG: 'C.UTF-8' },
    ...(process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}),
  })
  if (error) throw error
  if (status !== 0) throw new Error(`initdb failed (${status}): ${stdout}${stderr}`)
}

async function runSql(settings: PostgresSettings, sql: string): Promise<readonly Record<string, unknown>[]> {
  const { host, port, database, user } = settings
  const client = new pg.Client({ host, port, database, user, password: PASSWORD })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** It accepts connections before it lets anybody in. */
async function answers(settings: PostgresSettings): Promise<boolean> {
  if (!(await accepts(settings.host, settings.port))) return false
  return runSql(settings, 'SELECT 1').then(
    () => true,
    () => false,
  )
}
