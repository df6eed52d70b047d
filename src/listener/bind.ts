/** Addresses to listen on, in the form of the configuration: `:443`, `127.0.0.1:8443`, `[::1]:443`, `localhost:80`. */
import { type AddressInfo, isIPv4, isIPv6, type Server } from 'node:net'

export interface BindAddress {
  /** Absent: all addresses of the machine. */
  readonly host: string | undefined
  readonly port: number
}

/** Throws on what is none of the forms. Port 0 lets the system choose. */
export function parseBindAddress(text: string): BindAddress {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  const isHost = bracketed === undefined ? plain !== undefined && isPlainHost(plain) : isIPv6(bracketed)
  if (!isHost || digits === '' || port > 65_535) {
    throw new TypeError(`cannot listen on ${JSON.stringify(text)}: host:port or :port was expected`)
  }
  return { host: (bracketed ?? plain) || undefined, port }
}

/** Listens; rejects with a message that names the address and, where one is known, the reason in plain words. */
export async function listenOn(server: Server, address: string): Promise<AddressInfo> {
  const { host, port } = parseBindAddress(address)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve)
  try {
    await promise
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const error = new Error(`cannot listen on ${address}: ${reasons[code] ?? code}`, { cause })
    throw Object.assign(error, { code })
  } finally {
    server.off('error', reject)
  }
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error(`cannot listen on ${address}: it has no port`)
  return bound
}

/** `127.0.0.1:8443` or `[::1]:8443` of a bound server. */
export function printBound({ address, port, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses this address',
  EACCES: 'the system does not allow it; ports below 1024 need a privilege',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host is not known',
}

function isPlainHost(text: string): boolean {
  return text === '' || isIPv4(text) || /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text)
}
