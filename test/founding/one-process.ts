/**
 * The founding document's world with the broker inside: its two Helm values files, nginx as the ingress of all three
 * hosts, a directory shaped like FreeIPA's, and Apache with WebDAV as its Nextcloud. In the files only YOURDOMAIN, the
 * masked password and the directory's address are replaced.
 */
import { randomInt } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ApacheDav, startApacheDav } from '../actors/apache.ts'
import { Browser, type Page } from '../actors/browser.ts'
import { type Certificate, makeCertificate } from '../actors/certificate.ts'
import { type Directory, startDirectory } from '../actors/directory.ts'
import { type Nginx, startNginx } from '../actors/nginx.ts'
import { accepts, freePort, type Program, startProgram, temporaryFolder } from '../actors/program.ts'
import { DOMAIN, helmValues, SERVICE } from './world.ts'

export const ISSUER = `http://dex.${DOMAIN}`

const NEXTCLOUD = { name: 'nextcloud.nextcloud.svc.cluster.local', port: 8080 }
const SEED = join(import.meta.dirname, '../vectors/seeds/dex-helm-values.yaml')
const MAIN = join(import.meta.dirname, '../../src/main.ts')
const NAME = DOMAIN.replace(/\.dev$/, '')

/** The document's Dex values for a directory at `address`. */
export const dexValues = (address: string) =>
  readFileSync(SEED, 'utf8')
    .replaceAll('YOURDOMAIN', NAME)
    .replace(`freeipa.${DOMAIN}:636`, address)
    .replace('mN****tG****', 'dex-bind-pw')

export interface OneProcess extends AsyncDisposable {
  readonly directory: Directory
  readonly nextcloud: ApacheDav
  readonly ingress: Nginx
  readonly certificate: Certificate
  readonly folder: string
  browser(): Browser
  log(): string
  /** Ends the process and starts it again, with what it keeps on disk. */
  restart(): Promise<void>
}

export async function startOneProcess(env: Readonly<Record<string, string>> = {}): Promise<OneProcess> {
  await using parts = new AsyncDisposableStack()
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(2, 255)}`
  const folder = parts.use(temporaryFolder('one-process'))
  const certificate = await makeCertificate(folder.path, [`*.${DOMAIN}`])
  const directory = parts.use(await startDirectory({ suffix: `dc=${NAME},dc=dev`, certificate }))
  const nextcloud = parts.use(await startApacheDav({ publicUrl: SERVICE, host: address, port: NEXTCLOUD.port }))
  const port = await freePort(address)
  const healthPort = await freePort(address)
  const [values, dex] = [join(folder.path, 'pomerium-helm-values.yaml'), join(folder.path, 'dex-helm-values.yaml')]
  writeFileSync(values, helmValues())
  writeFileSync(dex, dexValues(`${directory.host}:${directory.port}`))
  const start = () =>
    startProgram({
      name: 'Ostiary',
      command: process.execPath,
      args: [MAIN, 'serve', '--config', values, '--broker', dex],
      cwd: folder.path,
      asOurselves: true,
      env: {
        NODE_OPTIONS: `--import=${join(import.meta.dirname, 'hosts.ts')}`,
        HOSTS_TABLE: JSON.stringify({ [NEXTCLOUD.name]: address }),
        // The document's `insecure: true` means :80, which needs root.
        ADDRESS: `${address}:${port}`,
        HEALTH_CHECK_ADDR: `${address}:${healthPort}`,
        XDG_RUNTIME_DIR: folder.path,
        ...env,
      },
      isReady: () => accepts(address, port),
    })
  let ostiary: Program = await start()
  parts.defer(() => ostiary.stop())
  const ingress = parts.use(
    await startNginx({ servers: [{ names: [`*.${DOMAIN}`], certificate, upstream: `http://${address}:${port}` }] }),
  )
  const owned = parts.move()
  return {
    ...{ directory, nextcloud, ingress, certificate, folder: folder.path },
    browser: () => new Browser({ port: ingress.port, plainPort: ingress.plainPort, ca: certificate.ca }),
    log: () => ostiary.output(),
    async restart() {
      await ostiary.stop()
      ostiary = await start()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The password form and, since the document says `skipApprovalScreen: false`, the consent page. */
export async function signIn(browser: Browser, form: Page, person: string): Promise<Page> {
  const consent = await browser.submit(form, { login: `${person}@corp.test`, password: `${person}-pw` })
  return consent.body.includes('name="approval"') ? await browser.submit(consent, { approval: 'approve' }) : consent
}
