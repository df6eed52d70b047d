/** Debian's Apache with mod_dav: the WebDAV upstream that stands for Nextcloud. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accepts, findProgram, freePort, handOver, type Program, startProgram, temporaryFolder } from './program.ts'

export interface ApacheDav extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** `http://host:port`; the WebDAV collection is at /dav/. */
  readonly url: string
  /** The requests it has answered: `METHOD target status`. */
  requests(): readonly string[]
  stop(): Promise<void>
}

export interface ApacheDavOptions {
  /**
   * The address the public knows it by, such as `https://hello.example.test`. Apache compares the Destination header of
   * COPY and MOVE (RFC 4918 §10.3) with this, whatever Host it was asked by; without it both answer 502 behind TLS.
   */
  readonly publicUrl: string
  readonly host?: string
  readonly port?: number
}

const MODULES = ['mpm_event', 'authz_core', 'dir', 'mime', 'dav', 'dav_fs']
const MODULE_FOLDER = '/usr/lib/apache2/modules'

/** Starts Apache on a loopback port with an empty WebDAV collection; every path of its own is in a temporary folder. */
export async function startApacheDav(options: ApacheDavOptions): Promise<ApacheDav> {
  const { publicUrl, host = '127.0.0.1' } = options
  const command = findProgram('apache2')
  if (!command) throw new Error('cannot start Apache: no program apache2')
  const folder = temporaryFolder('apache')
  for (const name of ['documents', 'documents/dav']) {
    mkdirSync(join(folder.path, name))
    handOver(join(folder.path, name))
  }
  writeFileSync(join(folder.path, 'documents/index.html'), '<h1>Hello from the files</h1>\n')
  const port = options.port ?? (await freePort(host))
  const file = join(folder.path, 'apache.conf')
  writeFileSync(file, configuration(folder.path, { host, port, publicUrl }))

  let program: Program
  try {
    program = await startProgram({
      name: 'Apache',
      command,
      args: ['-d', folder.path, '-f', file, '-D', 'FOREGROUND'],
      cwd: folder.path,
      logFile: join(folder.path, 'error.log'),
      isReady: () => accepts(host, port),
    })
  } catch (error) {
    folder[Symbol.dispose]()
    throw error
  }
  const stop = async () => {
    await program.stop()
    folder[Symbol.dispose]()
  }
  const requests = () =>
    readFileSync(join(folder.path, 'access.log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  return { host, port, url: `http://${host}:${port}`, requests, stop, [Symbol.asyncDispose]: stop }
}

function configuration(folder: string, at: { host: string; port: number; publicUrl: string }): string {
  const { protocol, hostname, port } = new URL(at.publicUrl)
  const publicPort = port || (protocol === 'https:' ? '443' : '80')
  return `
ServerRoot ${folder}
PidFile ${folder}/apache.pid
Mutex file:${folder} default
ErrorLog ${folder}/error.log
LogLevel warn
CustomLog ${folder}/access.log "%m %U%q %>s"
Listen ${at.host}:${at.port}
${MODULES.map((name) => `LoadModule ${name}_module ${MODULE_FOLDER}/mod_${name}.so`).join('\n')}
ServerName ${protocol}//${hostname}:${publicPort}
UseCanonicalName On
TypesConfig /dev/null
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
DocumentRoot ${folder}/documents
DirectoryIndex index.html
DavLockDB ${folder}/locks
<Directory ${folder}/documents>
  Require all granted
</Directory>
<Location /dav>
  Dav On
</Location>
`
}
