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
  /** The port that speaks ldaps. */
  readonly port: number
}

const VECTORS = join(import.meta.dirname, '../vectors/dex')
const ROOT_PASSWORD = 'rootpw'

/** Starts the directory under `suffix` (such as `dc=corp,dc=dev`); its people keep their mail at corp.test. */
export async function startDirectory(options: { suffix: string; certificate: Certificate }): Promise<Directory> {
  const { suffix, certificate } = options
  const command = findProgram('slapd')
  const add = findProgram('ldapadd')
  if (!command || !add) throw new Error('cannot start the directory: no program slapd or ldapadd')
  const host = '127.0.0.1'
  const folder = temporaryFolder('directory')
  mkdirSync(join(folder.path, 'db'))
  handOver(join(folder.path, 'db'))
  const vector = (name: string) => readFileSync(join(VECTORS, name), 'utf8').replaceAll('dc=corp,dc=test', suffix)
  writeFileSync(join(folder.path, 'directory.schema'), vector('directory.schema'))
  const keys = `TLSCertificateFile ${certificate.certificateFile}\nTLSCertificateKeyFile ${certificate.keyFile}\n`
  const conf = vector('slapd.conf')
    .replace('directory ./db', `directory ${folder.path}/db`)
    .replace('include directory.schema', `include ${folder.path}/directory.schema`)
  writeFileSync(join(folder.path, 'slapd.conf'), keys + conf)
  const [plain, port] = [await freePort(host), await freePort(host)]

  let program: Program
  try {
    program = await startProgram({
      name: 'slapd',
      command,
      args: [
        '-f',
        join(folder.path, 'slapd.conf'),
        '-h',
        `ldap://${host}:${plain}/ ldaps://${host}:${port}/`,
        '-d',
        '0',
      ],
      cwd: folder.path,
      isReady: async () => (await accepts(host, plain)) && accepts(host, port),
    })
  } catch (error) {
    folder[Symbol.dispose]()
    throw error
  }
  // The tree is added online: memberOf is computed for nothing else.
  const bind = ['-x', '-H', `ldap://${host}:${plain}/`, '-D', `cn=admin,${suffix}`, '-w', ROOT_PASSWORD]
  const tree = vector('directory.ldif').replace(/^dc: corp$/m, `dc: ${/^dc=([^,]+)/.exec(suffix)?.[1] ?? ''}`)
  runProgram(add, bind, { input: tree })
  return {
    host,
    port,
    async [Symbol.asyncDispose]() {
      await program.stop()
      folder[Symbol.dispose]()
    },
  }
}
