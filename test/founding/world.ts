/**
 * The founding document's world on loopback: nginx as its ingress, Ostiary with its Helm values, a provider, and Apache
 * with WebDAV as its Nextcloud.
 *
 * The values file is the document's, byte for byte, with only YOURDOMAIN replaced. Its names stay names: a table plays
 * the cluster's name server (`hosts.ts`), so `to` is used as written, port 8080 included, on an address of 127/8 drawn
 * for this run. Two addresses come from the environment, which beats the file as it does in Pomerium, because a port
 * below 1024 needs root: ADDRESS (the document's `insecure: true` means :80) and IDP_PROVIDER_URL (the document's Dex
 * answers at dex.YOURDOMAIN.dev, port 80). HEALTH_CHECK_ADDR keeps runs apart.
 */
import { randomInt } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ApacheDav, startApacheDav } from '../actors/apache.ts'
import { Browser } from '../actors/browser.ts'
import { type Certificate, makeCertificate } from '../actors/certificate.ts'
import { type Nginx, startNginx } from '../actors/nginx.ts'
import { accepts, type Folder, freePort, type Program, startProgram, temporaryFolder } from '../actors/program.ts'
import type { Provider, ProviderPlace } from './provider.ts'

export const DOMAIN = 'corp.dev'
export const SERVICE = `https://hello.${DOMAIN}`
export const AUTHENTICATE = `https://authenticate.${DOMAIN}`

/** Where the document's `to` points: nextcloud.nextcloud.svc.cluster.local:8080. */
const NEXTCLOUD = { name: 'nextcloud.nextcloud.svc.cluster.local', port: 8080 }

const SEED = join(import.meta.dirname, '../vectors/seeds/pomerium-helm-values.yaml')
const MAIN = join(import.meta.dirname, '../../src/main.ts')

export type StartProvider = (place: ProviderPlace) => Promise<Provider>

export interface World extends AsyncDisposable {
  readonly provider: Provider
  readonly nextcloud: ApacheDav
  readonly ingress: Nginx
  readonly certificate: Certificate
  /** A browser that has never been here. */
  browser(): Browser
  /** What Ostiary has logged. */
  log(): string
}

/** The programs that the world is made of. */
export const PROGRAMS = ['nginx', 'apache2'] as const

/** The document's values with YOURDOMAIN replaced and nothing else. */
export const helmValues = () => readFileSync(SEED, 'utf8').replaceAll('YOURDOMAIN', DOMAIN.replace(/\.dev$/, ''))

interface WorldOptions {
  /** Added to Ostiary's environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly headBuffer?: '4k' | '16k'
}

/** Starts everything. */
export async function startWorld(startProvider: StartProvider, options: WorldOptions = {}): Promise<World> {
  const { env = {}, headBuffer = '4k' } = options
  await using parts = new AsyncDisposableStack()
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(2, 255)}`
  const folder: Folder = parts.use(temporaryFolder('founding'))
  const certificate = await makeCertificate(folder.path, [`*.${DOMAIN}`])

  const provider = parts.use(await startProvider({ domain: DOMAIN, port: await freePort() }))
  const nextcloud = parts.use(await startApacheDav({ publicUrl: SERVICE, host: address, port: NEXTCLOUD.port }))
  const hosts = { [NEXTCLOUD.name]: address }
  const port = await freePort(address)
  const ostiary = parts.use(await startOstiary({ folder, hosts, env, issuer: provider.issuer, at: { address, port } }))
  const ingress = parts.use(
    await startNginx({
      servers: [{ names: [`*.${DOMAIN}`], certificate, upstream: `http://${address}:${port}`, headBuffer }],
    }),
  )

  const owned = parts.move()
  return {
    provider,
    nextcloud,
    ingress,
    certificate,
    browser: () => new Browser({ port: ingress.port, ca: certificate.ca }),
    log: ostiary.output,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function startOstiary(options: {
  readonly folder: Folder
  readonly hosts: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  readonly issuer: string
  readonly at: { readonly address: string; readonly port: number }
}): Promise<Program> {
  const { folder, at } = options
  const values = join(folder.path, 'values.yaml')
  writeFileSync(values, helmValues())
  return startProgram({
    name: 'Ostiary',
    command: process.execPath,
    args: [MAIN, 'serve', '--config', values],
    cwd: folder.path,
    asOurselves: true,
    env: {
      NODE_OPTIONS: `--import=${join(import.meta.dirname, 'hosts.ts')}`,
      HOSTS_TABLE: JSON.stringify(options.hosts),
      ADDRESS: `${at.address}:${at.port}`,
      IDP_PROVIDER_URL: options.issuer,
      HEALTH_CHECK_ADDR: `${at.address}:${await freePort(at.address)}`,
      ...options.env,
    },
    isReady: () => accepts(at.address, at.port),
  })
}
