/** Debian's slapd with a tree shaped like FreeIPA's: alice in devops, bob not; what stands behind Dex. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from './certificate.ts'
import {
  accepts,
  findProgram,
  freePort,
  handOver,
  type Program,
  runProgram,
  startProgram,
  temporaryFolder,
} from './program.ts'

export interface Directory extends AsyncDisposable {
  readonly host: string
  /** The port that speaks ldaps; the one without TLS where there is no certificate. */
  readonly port: number
  /** The port that speaks ldap, and StartTLS where there is a certificate. */
  readonly plainPort: number
  readonly suffix: string
  /** Changes entries as the administrator, in the words of ldapmodify: `dn: …`, `changetype: modify`, … */
  modify(ldif: string): void
  /** Adds whole entries, references to other servers among them. */
  add(ldif: string): void
  /** Ends the server and starts it again at the same ports with the same entries; connections break. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface DirectoryOptions {
  /** Such as `dc=corp,dc=dev`; its people keep their mail at corp.test. */
  readonly suffix: string
  readonly certificate?: Certificate
  /** The authority (a file) that clients' certificates have to be of; without it none are asked for. */
  readonly clientAuthorityFile?: string
  /** Lines for slapd.conf: before the database, and inside of it. */
  readonly globalLines?: readonly string[]
  readonly databaseLines?: readonly string[]
}

const VECTORS = join(import.meta.dirname, '../vectors/dex')
const ROOT_PASSWORD = 'rootpw'

/** Starts the directory with the tree of the vectors. */
export async function startDirectory(options: DirectoryOptions): Promise<Directory> {
  const { suffix, certificate } = options
  const [command, modifier] = [findProgram('slapd'), findProgram('ldapmodify')]
  if (!command || !modifier) throw new Error('cannot start the directory: no program slapd or ldapmodify')
  const host = '127.0.0.1'
  const folder = temporaryFolder('directory')
  mkdirSync(join(folder.path, 'db'))
  handOver(join(folder.path, 'db'))
  writeFileSync(join(folder.path, 'directory.schema'), vector('directory.schema', suffix))
  writeFileSync(join(folder.path, 'slapd.conf'), configuration(folder.path, options))
  const [plainPort, port] = [await freePort(host), await freePort(host)]
  const urls = [`ldap://${host}:${plainPort}/`, ...(certificate ? [`ldaps://${host}:${port}/`] : [])]
  const start = () =>
    startProgram({
      name: 'slapd',
      command,
      args: ['-f', join(folder.path, 'slapd.conf'), '-h', urls.join(' '), '-d', '0'],
      cwd: folder.path,
      isReady: async () => (await accepts(host, plainPort)) && (!certificate || accepts(host, port)),
    })

  let program: Program
  try {
    program = await start()
  } catch (error) {
    folder[Symbol.dispose]()
    throw error
  }
  const bind = ['-x', '-H', `ldap://${host}:${plainPort}/`, '-D', `cn=admin,${suffix}`, '-w', ROOT_PASSWORD]
  const modify = (ldif: string) => void runProgram(modifier, bind, { input: ldif })
  // The tree is added online: memberOf is computed for nothing else.
  const tree = vector('directory.ldif', suffix).replace(/^dc: corp$/m, `dc: ${/^dc=([^,]+)/.exec(suffix)?.[1] ?? ''}`)
  runProgram(modifier, ['-a', ...bind], { input: tree })
  return {
    host,
    port: certificate ? port : plainPort,
    plainPort,
    suffix,
    modify,
    add: (ldif) => void runProgram(modifier, ['-a', '-M', ...bind], { input: ldif }),
    stop: () => program.stop(),
    async restart() {
      await program.stop()
      program = await start()
    },
    async [Symbol.asyncDispose]() {
      await program.stop()
      folder[Symbol.dispose]()
    },
  }
}

function vector(name: string, suffix: string): string {
  return readFileSync(join(VECTORS, name), 'utf8').replaceAll('dc=corp,dc=test', suffix)
}

function configuration(folder: string, options: DirectoryOptions): string {
  const { suffix, certificate, clientAuthorityFile, globalLines = [], databaseLines = [] } = options
  const keys = certificate
    ? [`TLSCertificateFile ${certificate.certificateFile}`, `TLSCertificateKeyFile ${certificate.keyFile}`]
    : []
  const clients = clientAuthorityFile ? [`TLSCACertificateFile ${clientAuthorityFile}`, 'TLSVerifyClient demand'] : []
  const text = vector('slapd.conf', suffix)
    .replace('directory ./db', `directory ${folder}/db`)
    .replace('include directory.schema', `include ${folder}/directory.schema`)
    .replace('database mdb', [...globalLines, 'database mdb'].join('\n'))
  return [...keys, ...clients, text, ...databaseLines, ''].join('\n')
}
