/** Makes a connection to the directory, by TLS from the start, by StartTLS, or in clear where the settings say so. */
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { Client } from 'ldapts'
import type { Endpoint } from './endpoint.ts'
import { FramedSocket } from './framed-socket.ts'
import { type Patience, within } from './time-limit.ts'

/** RFC 4511 §4.14.1 */
const START_TLS = '1.3.6.1.4.1.1466.20037'

export interface Line {
  readonly framed: FramedSocket
  /** Where it is encrypted: for looking at the certificates. */
  readonly tls: TLSSocket | undefined
}

/**
 * @param unchecked takes any certificate: for looking at one that is refused, never for sending anything
 * @throws GaveUp, ProxyError CONNECTOR_MISCONFIGURED, or whatever the network says
 */
export async function dial(
  endpoint: Endpoint,
  { unchecked = false, ...patience }: Patience & { readonly unchecked?: boolean },
): Promise<Line> {
  const { host, port, security } = endpoint
  const options: ConnectionOptions = security === 'none' ? {} : await endpoint.tlsOptions()
  if (unchecked) options.rejectUnauthorized = false
  const open: Socket[] = []
  const keep = <S extends Socket>(socket: S): S => {
    // Failures are told to whoever waits; a late one must not end the process.
    socket.on('error', () => {})
    open.push(socket)
    return socket
  }
  const close = () => {
    for (const socket of open) socket.destroy()
  }
  try {
    return await within(make(), { ...patience, giveUp: close })
  } catch (error) {
    close()
    throw error
  }

  async function make(): Promise<Line> {
    if (security === 'tls') {
      const tls = keep(tlsConnect({ ...options, port }))
      await happens(tls, 'secureConnect')
      return { framed: new FramedSocket(settle(tls)), tls }
    }
    const plain = keep(connect({ host, port }))
    await happens(plain, 'connect')
    settle(plain)
    if (security === 'none') return { framed: new FramedSocket(plain), tls: undefined }
    const framed = new FramedSocket(plain)
    await clientOn(framed).exop(START_TLS)
    // What came in clear besides the answer is dropped with this frame and its client, or breaks the handshake.
    const tls = keep(tlsConnect({ ...options, socket: framed.release() }))
    await happens(tls, 'secureConnect')
    return { framed: new FramedSocket(tls), tls }
  }
}

/**
 * A client on a connection that stands. It gets that one and no other: left to itself the library connects again
 * where a connection broke, without binding and in clear where StartTLS had been spoken.
 */
export function clientOn(framed: FramedSocket, limits: { readonly timeout?: number } = {}): Client {
  let isGiven = false
  const createConnection = () => {
    if (isGiven) throw new Error('the connection has ended')
    isGiven = true
    return framed
  }
  return new Client({
    url: 'ldap://directory',
    ...limits,
    // It uses what a Duplex has, and the two fields that say that it stands.
    createConnection: createConnection as unknown as typeof connect,
  })
}

function settle<S extends Socket>(socket: S): S {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 30_000)
  return socket
}

function happens(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
  })
}
