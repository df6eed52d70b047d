/** Calls to somebody who offers Dex's management API: bounded in time and size, and with what goes wrong in our words. */
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { type ChannelCredentials, Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import type { Revealable } from '../../../crypto/key-ring.ts'
import { secureContextOf } from '../../../crypto/secure-context.ts'
import { codeInWords } from '../../connectors/network-words.ts'
import { ManagementError, type ManagementFailure } from '../management.ts'
import { type Answered, type Asked, dexService, type MethodName, type Sent } from './dex-api.ts'

export interface DexTls {
  /** PEM; undefined: the authorities of the system. */
  readonly ca: string | undefined
  /** Our own certificate, PEM. */
  readonly cert: string | undefined
  readonly key: Revealable | undefined
}

export interface DexClientOptions {
  /** `HOST:PORT`. */
  readonly address: string
  /** `insecure`: in clear, for loopback. */
  readonly tls: DexTls | 'insecure'
}

/** Dex answers from its storage. */
const CALL_MS = 15_000
const MESSAGE_LIMIT = 16 * 1024 * 1024

export interface DexClient extends AsyncDisposable {
  readonly address: string
  call<M extends MethodName>(method: M, asked?: Sent<Asked<M>>): Promise<Answered<M>>
}

/** Opens no connection before the first call. @throws ManagementError where the certificates cannot be used */
export function openDexClient({ address, tls }: DexClientOptions): DexClient {
  const service = dexService()
  const client = new Client(address, credentialsOf(tls, address), {
    'grpc.max_receive_message_length': MESSAGE_LIMIT,
    'grpc.max_send_message_length': MESSAGE_LIMIT,
    // A proxy of the environment has no business between an administrator and their broker.
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // The library would send an address as the server's name, which RFC 6066 §3 forbids and Node refuses.
    ...(addressOf(address) !== undefined && { 'grpc.ssl_target_name_override': NO_NAME }),
  })
  return {
    address,
    call<M extends MethodName>(method: M, asked: Sent<Asked<M>> = {}): Promise<Answered<M>> {
      const definition = service[method]
      if (!definition) throw new TypeError(`cannot call ${method}: no such method`)
      const { path, requestSerialize, responseDeserialize } = definition
      return new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + CALL_MS }
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, asked, options, (error, answer) => {
          // Decoded by the definition that the type comes from.
          if (error) reject(failureOf(method, address, error))
          else resolve(answer as Answered<M>)
        })
      })
    },
    async [Symbol.asyncDispose]() {
      client.close()
    },
  }
}

/** Sent instead of an address; the certificate is compared with the address all the same. */
const NO_NAME = 'address.invalid'

/** The IP address of `HOST:PORT`, or undefined for a name. */
function addressOf(address: string): string | undefined {
  const host = address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return isIP(host) === 0 ? undefined : host
}

function credentialsOf(tls: DexTls | 'insecure', address: string): ChannelCredentials {
  if (tls === 'insecure') return credentials.createInsecure()
  const ip = addressOf(address)
  const ofAddress = (_: string, certificate: PeerCertificate) => checkServerIdentity(ip ?? '', certificate)
  try {
    const context = secureContextOf(tls)
    return credentials.createFromSecureContext(context, ip === undefined ? {} : { checkServerIdentity: ofAddress })
  } catch (cause) {
    // The library's sentence may quote the file.
    throw new ManagementError('invalid', 'cannot use these certificates: they are no PEM, or the key is not theirs', {
      cause,
    })
  }
}

const failures: ReadonlyMap<number, ManagementFailure> = new Map([
  [status.NOT_FOUND, 'not-found'],
  [status.ALREADY_EXISTS, 'exists'],
  [status.INVALID_ARGUMENT, 'invalid'],
  [status.ABORTED, 'conflict'],
  [status.FAILED_PRECONDITION, 'does-not-work'],
  [status.UNIMPLEMENTED, 'unsupported'],
  [status.UNAVAILABLE, 'unreachable'],
  [status.DEADLINE_EXCEEDED, 'unreachable'],
])

function failureOf(method: MethodName, address: string, error: ServiceError): ManagementError {
  const { code, details } = error
  if (code === status.UNKNOWN && /api_connectors_crud|feature flag/i.test(details))
    return new ManagementError('unsupported', `cannot manage connectors: the Dex at ${address} does not allow it`, {
      details: [
        'its feature flag api_connectors_crud is off',
        'start Dex with DEX_API_CONNECTORS_CRUD=true in its environment',
      ],
      cause: error,
    })
  if (code === status.UNIMPLEMENTED)
    return new ManagementError('unsupported', `cannot call ${method}: the Dex at ${address} does not know it`, {
      details: ['it is an older version of Dex, or another program'],
      cause: error,
    })
  if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED)
    return new ManagementError('unreachable', `cannot reach Dex at ${address}: ${unreachableBy(details)}`, {
      details: ['is its gRPC listener on (grpc.addr), and do --dex-ca, --dex-cert and --dex-key fit it?'],
      cause: error,
    })
  const isStatic =
    (code === status.UNKNOWN && /static|read.?only/i.test(details)) ||
    (code === status.FAILED_PRECONDITION && details.startsWith('read-only'))
  const failure = isStatic ? 'read-only' : (failures.get(code) ?? 'does-not-work')
  return new ManagementError(failure, `cannot do it: the Dex at ${address} says "${oneClause(details)}"`, {
    ...(isStatic && { details: ["it comes from Dex's configuration file; change it there"] }),
    cause: error,
  })
}

/** What TLS and the library say, and the way out; the rest of their words helps nobody. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/wrong version number/, 'what answers there is no TLS; without certificates give --dex-insecure'],
  [/^Name resolution failed/, 'there is no such name'],
  [/alert certificate required/, 'it wants to see a certificate: give --dex-cert and --dex-key'],
  [/alert (?:unknown ca|bad certificate|certificate unknown)/, 'it does not take our certificate (--dex-cert)'],
  [
    /self-signed certificate|unable to (?:verify|get)|SELF_SIGNED|UNABLE_TO/,
    'its certificate is of no authority that is trusted here: name it with --dex-ca',
  ],
  [/certificate has expired/, 'its certificate has expired'],
  [/Failed to connect \(|ECONNRESET/, 'it broke off: it wants TLS, or a certificate of another authority'],
]

function unreachableBy(details: string): string {
  const known = reasons.find(([pattern]) => pattern.test(details))?.[1]
  if (known !== undefined) return known
  const code = /\b(?:ECONN|EHOST|ENET|ETIMED|EAI_)[A-Z]+\b/.exec(details)?.[0]
  if (code !== undefined) return codeInWords(code)
  const [, reason = details] = /Last error: (.*?)\.? *(?:Resolution note:.*)?$/s.exec(details) ?? []
  return oneClause(reason.replace(/^Error(?: \[\w+\])?: /, '') || details)
}

/** Somebody else's words: short, and without what steers a terminal. */
function oneClause(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .slice(0, 300)
    .trim()
}
