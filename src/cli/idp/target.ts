/** Whom the `idp` commands manage: the broker of this machine through its socket, or a Dex over gRPC. */
import { dexManagement } from '../../broker/management/grpc/dex-management.ts'
import { isLoopback } from '../../broker/management/grpc/grpc-api.ts'
import { type Management, ManagementError } from '../../broker/management/management.ts'
import { socketManagement } from '../../broker/management/socket-management.ts'
import { Secret } from '../../crypto/secret.ts'
import type { Io } from '../io.ts'
import { findSocket } from './find-socket.ts'

export interface TargetFlags {
  readonly socket?: string
  /** `HOST:PORT`. */
  readonly dex?: string
  readonly dexCa?: string
  readonly dexCert?: string
  readonly dexKey?: string
  readonly dexInsecure?: boolean
}

export interface Target extends AsyncDisposable {
  readonly management: Management
  /** It may know types and keys that we do not, and counts no versions. */
  readonly isDex: boolean
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readText(file: string): Promise<string>
}

/** @throws ManagementError where the options do not go together */
export async function openTarget(flags: TargetFlags, around: Surroundings, io: Io): Promise<Target> {
  const { socket, dex } = flags
  if (dex === undefined) {
    const lone = (['dexCa', 'dexCert', 'dexKey', 'dexInsecure'] as const).find((name) => flags[name] !== undefined)
    if (lone !== undefined) throw wrongUse('cannot use certificates without an address', 'add --dex HOST:PORT')
    const management = socketManagement(socket ?? (await findSocket(around)))
    return { management, isDex: false, [Symbol.asyncDispose]: async () => {} }
  }
  if (socket !== undefined) throw wrongUse('cannot manage two at once', 'give --socket or --dex')
  const host = /^(?:\[([^\]]+)\]|([^:/]+)):\d{1,5}$/
    .exec(dex)
    ?.slice(1)
    .find((part) => part !== undefined)
  if (host === undefined)
    throw wrongUse(`cannot reach ${JSON.stringify(dex)}: expected HOST:PORT`, '--dex 127.0.0.1:5557')
  const management = dexManagement({ address: dex, tls: await tlsOf(flags, around) })
  if (flags.dexInsecure && !isLoopback(host)) io.err('warning: secrets travel in clear (--dex-insecure)\n')
  return { management, isDex: true, [Symbol.asyncDispose]: () => management[Symbol.asyncDispose]() }
}

async function tlsOf({ dexCa, dexCert, dexKey, dexInsecure }: TargetFlags, { readText }: Surroundings) {
  if (dexInsecure) {
    if (dexCa ?? dexCert ?? dexKey) throw wrongUse('cannot use certificates in clear', 'leave out --dex-insecure')
    return 'insecure' as const
  }
  if ((dexCert === undefined) !== (dexKey === undefined))
    throw wrongUse('cannot show a certificate without its key', 'give --dex-cert and --dex-key')
  const [ca, cert, key] = await Promise.all([dexCa, dexCert, dexKey].map((file) => file && readText(file)))
  return { ca: ca || undefined, cert: cert || undefined, key: key ? new Secret(key) : undefined }
}

export function wrongUse(message: string, hint: string): ManagementError {
  return new ManagementError('invalid', message, { details: [`hint: ${hint}`] })
}
