/** The listeners of one process, opened from its settings: the main door, the redirect, the health listener. */
import type { ListenAddress } from '../../config/address-types.ts'
import type { Settings } from '../../config/schema.ts'
import { tlsPairs } from '../../crypto/tls-pairs.ts'
import type { AdmitOptions, Refusal } from '../../listener/admission.ts'
import { writeBareAnswer } from '../../listener/bare-answer.ts'
import { type HealthListener, type HealthStatus, openHealthListener } from '../../listener/health-listener.ts'
import { type Listeners, openListeners } from '../../listener/open-listeners.ts'
import { openRedirectListener, type RedirectListener } from '../../listener/redirect-listener.ts'
import type { Exchange } from '../../listener/visit.ts'
import type { Log } from '../../observe/log.ts'
import { redactUrl } from '../../observe/redaction.ts'
import { milliseconds } from '../../wire/units.ts'
import { SelfSigned } from './self-signed.ts'

export interface DoorTools {
  exchange(exchange: Exchange): Promise<void>
  /** The log in force. */
  log(): Log
  status(): HealthStatus
}

export interface Doors {
  readonly main: Listeners
  readonly redirect: RedirectListener | undefined
  readonly health: HealthListener | undefined
  /** Serves where no certificate is configured. */
  readonly selfSigned: SelfSigned
}

/** Header fields of one request, as Pomerium limits them. */
const maximumHeaders = 1000

/** Opens all doors or none; rejects naming the address that cannot be had. */
export async function openDoors(settings: Settings, tools: DoorTools): Promise<Doors> {
  await using opened = new AsyncDisposableStack()
  const refused = (refusal: Refusal) => logRefusal(tools.log(), refusal)
  const health = await openHealth(settings, tools)
  if (health) opened.use(health)
  const selfSigned = new SelfSigned()
  await prepareDoors({ selfSigned }, settings)
  const main = opened.use(
    await openListeners(
      {
        address: printAddress(settings.address),
        ...(settings.insecure_server ? {} : { tls: certificatesOf(settings, selfSigned) }),
        admission: admissionOf(settings),
        limits: { bodyIdle: timeLimit(settings.timeout_read), idle: timeLimit(settings.timeout_idle) },
      },
      {
        exchange: tools.exchange,
        refused(refusal, response) {
          refused(refusal)
          if (response) writeBareAnswer(response, refusal)
        },
      },
    ),
  )
  const { http_redirect_addr: plain } = settings
  const redirect = plain
    ? opened.use(
        await openRedirectListener({
          address: printAddress(plain),
          httpsPort: publicPort(settings),
          refused,
          redirected: (visit, status) => tools.log().access(visit, { status, size: 0, details: 'https_redirect' }),
        }),
      )
    : undefined
  opened.move()
  return { main, redirect, health, selfSigned }
}

/** Makes what `settings` need and nobody has made yet; before `replaceInDoors`, which does not wait. */
export async function prepareDoors({ selfSigned }: Pick<Doors, 'selfSigned'>, settings: Settings): Promise<void> {
  if (!settings.insecure_server && settings.certificates.length === 0) await selfSigned.make(Date.now())
}

/** What a reload can change while the doors stay open. */
export function replaceInDoors({ main, selfSigned }: Doors, settings: Settings): void {
  if (!settings.insecure_server) {
    const { certificates, fallback } = certificatesOf(settings, selfSigned)
    main.replaceCertificates(certificates, fallback)
  }
  main.replaceAdmission(admissionOf(settings))
}

function certificatesOf(settings: Settings, { pair }: SelfSigned) {
  const certificates = tlsPairs(settings.certificates)
  return { certificates, fallback: certificates[0] ?? pair }
}

/** Settings that only a new process puts in force, of those that differ. */
export function needRestart(before: Settings, after: Settings): string[] {
  const fixed = [
    'address',
    'insecure_server',
    'http_redirect_addr',
    'health_check_addr',
    'timeout_read',
    'timeout_idle',
  ] as const
  return fixed.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
}

export function printAddress({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function admissionOf(settings: Settings): AdmitOptions {
  return {
    normalizePath: settings.normalize_path,
    mergeSlashes: settings.merge_slashes,
    escapedSlashes: settings.path_with_escaped_slashes_action,
    underscores: settings.headers_with_underscores_action,
    trustedHops: settings.xff_num_trusted_hops,
    skipXffAppend: settings.skip_xff_append,
    maximumHeaders,
  }
}

/** 0 is no limit there; a timer needs a number. */
function timeLimit(limit: number) {
  return milliseconds(limit === 0 ? 2 ** 31 - 1 : limit)
}

/** The port of the public https addresses: that of the authenticate host, otherwise of the main listener. */
function publicPort({ authenticate_service_url: url, address }: Settings): string {
  return url ? new URL(url).port : String(address.port)
}

/** A taken default address is no reason not to start: another instance on this machine has it. */
async function openHealth(settings: Settings, { status, log }: DoorTools): Promise<HealthListener | undefined> {
  const address = printAddress(settings.health_check_addr)
  try {
    return await openHealthListener({ address, status })
  } catch (error) {
    if (address !== '127.0.0.1:28080') throw error
    log().event('warn', 'no health listener: its address is taken, set health_check_addr', { address, error })
    return undefined
  }
}

function logRefusal(log: Log, refusal: Refusal): void {
  log.event('info', 'request refused', {
    service: 'listener',
    code: refusal.code,
    'request-id': refusal.id,
    method: refusal.method,
    authority: refusal.authority,
    // An absolute address may hold a user name and password.
    path: redactUrl(refusal.path),
    ip: refusal.peerAddress,
    'response-code': refusal.status,
    'response-code-details': refusal.detail,
  })
}
