/** HTTP/2 frames as bytes (RFC 9113 §4), for what no well-behaved client sends. */
import { connect, type TLSSocket } from 'node:tls'

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A header block of literals without indexing (RFC 7541 §6.2.2): each octet as given. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value, 'latin1')
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
    const rest = bytes.length - 127
    if (rest < 128) return Buffer.concat([Buffer.from([127, rest]), bytes])
    return Buffer.concat([Buffer.from([127, (rest & 127) | 128, rest >> 7]), bytes])
  }
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))
}

export const ask = (path = '/', more: readonly (readonly [string, string])[] = []) =>
  block([[':method', 'GET'], [':scheme', 'https'], [':authority', 'a.test'], [':path', path], ...more])

export interface FrameClient extends AsyncDisposable {
  readonly socket: TLSSocket
  /** Type and stream of each frame that came, with the first four bytes of its payload as a number. */
  readonly frames: { type: number; flags: number; stream: number; payload: Buffer }[]
  readonly isClosed: () => boolean
}

/** Connects, sends the preface and empty settings, and collects frames. */
export async function openFrames(port: number): Promise<FrameClient> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
    servername: 'a.test',
  })
  const frames: FrameClient['frames'] = []
  let rest = Buffer.alloc(0)
  let closed = false
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 9) {
      const length = rest.readUIntBE(0, 3)
      if (rest.length < 9 + length) return
      frames.push({
        type: rest.readUInt8(3),
        flags: rest.readUInt8(4),
        stream: rest.readUInt32BE(5) & 0x7fffffff,
        payload: rest.subarray(9, 9 + length),
      })
      rest = rest.subarray(9 + length)
    }
  })
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(frame(frameTypes.settings, 0, 0))
  return {
    socket,
    frames,
    isClosed: () => closed,
    async [Symbol.asyncDispose]() {
      socket.destroy()
    },
  }
}
