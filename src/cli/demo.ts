/**
 * `ostiary demo`: everything a newcomer needs to see the proxy work, in one process on loopback: certificates, a broker
 * with three users, two applications, and the proxy itself with policies/demo.yaml.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { type Milliseconds, milliseconds } from '../wire/units.ts'
import { readDevelopmentCertificates } from './demo/certificates.ts'
import { openFiles } from './demo/files.ts'
import { openHello } from './demo/hello.ts'
import { announcement, type DemoUser, noCertificates, noPort } from './demo/texts.ts'

/** Runs the proxy in this process until it is closed. */
export type Serve = (options: {
  readonly files: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly brokerHint: string
}) => Promise<{ close(grace: Milliseconds): Promise<void> }>

export interface DemoOptions {
  /** The proxy's port, and the only one: the broker is reached through it. */
  readonly port: number
  /** Where the certificates are kept. */
  readonly certificates: string
  /** Configuration files laid over the demo's own. */
  readonly files?: readonly string[]
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Ends the demo. */
  readonly signal: AbortSignal
  readonly now: () => number
}

const HOST = '127.0.0.1'
/** Whoever presses Ctrl-C does not wait for a clock that never stops ticking. */
const grace = milliseconds(500)
/** `npm start` is read by people at the place where they work, so nothing here is a secret. */
const PASSWORD = 'open sesame'

/** The names that the demo's certificate has, each written out: many clients take no wildcard directly under a top-level name. */
export const demoNames = [
  'localhost',
  'authenticate.localhost',
  'hello.localhost',
  'files.localhost',
  'public.localhost',
  'anything.apps.localhost',
  '*.apps.localhost',
  'broker.localhost',
  '127.0.0.1',
  '::1',
] as const

const asset = (path: string) => fileURLToPath(new URL(`../../policies/${path}`, import.meta.url))

/** Runs the demo until `signal`; the exit code. What could be opened is closed again in any case. */
export async function demo(options: DemoOptions, serve: Serve): Promise<number> {
  const { port, files = [], out, err, signal, now } = options
  const code = await whyNot(port)
  if (code !== undefined) {
    err(noPort({ port, code }))
    return 1
  }
  const folder = options.certificates
  const certificates = await readDevelopmentCertificates(folder, { names: demoNames, now: now() }).catch(codeOf)
  if (typeof certificates === 'string') {
    err(noCertificates({ folder, code: certificates }))
    return 1
  }
  const users = usersOf(parse(await readFile(asset('demo.yaml'), 'utf8')))

  await using opened = new AsyncDisposableStack()
  const hello = opened.use(await openHello({ now }))
  const store = opened.use(await openFiles({ now }))
  const proxy = await serve({
    files: [asset('demo.yaml'), ...files],
    env: {
      DEMO_PORT: String(port),
      DEMO_HELLO: hello.url,
      DEMO_FILES: store.url,
      DEMO_CERTIFICATE_FILE: certificates.certificateFile,
      DEMO_KEY_FILE: certificates.keyFile,
      DEMO_SHARED_SECRET: randomBytes(32).toString('base64'),
      DEMO_COOKIE_SECRET: randomBytes(32).toString('base64'),
    },
    brokerHint: `In this demo: ${users.map(({ email }) => email).join(', ')}. The password of each is “${PASSWORD}”.`,
  })
  opened.defer(() => proxy.close(grace))

  out(announcement({ port, certificates, password: PASSWORD, users }))
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  return 0
}

function usersOf(configuration: unknown): readonly DemoUser[] {
  return (configuration as { broker: { staticPasswords: readonly DemoUser[] } }).broker.staticPasswords
}

/** Why a port of ours cannot be had, as the system's code; undefined where it can. */
function whyNot(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error) => resolve(codeOf(error)))
    probe.listen(port, HOST, () => probe.close(() => resolve(undefined)))
  })
}

/** The code of an error of the system; throws whatever is none. */
function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && 'syscall' in error) return String(error.code)
  throw error
}
