/** Something that speaks LDAP as the test wants: what it is asked comes decoded, what it says is octets. */
import { createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { BerReader, BerWriter } from 'ldapts'

/** What is asked; only what the tests look at. */
export interface Asked {
  readonly id: number
  readonly what: 'bind' | 'unbind' | 'search' | 'extended' | 'other'
  /** bind: the name; search: the base. */
  readonly dn: string
  readonly password: string
  readonly octets: Buffer
}

export interface LyingDirectory extends AsyncDisposable {
  readonly host: string
  readonly asked: readonly Asked[]
  /** Connections that are open now. */
  connections(): number
}

/** `answer` may write what it likes, end the connection, or say nothing. */
export async function startLyingDirectory(
  answer: (asked: Asked, socket: Socket) => void,
  options: { readonly tls?: { readonly key: string; readonly cert: string } } = {},
): Promise<LyingDirectory> {
  const asked: Asked[] = []
  const sockets = new Set<Socket>()
  const server = createServer((plain) => {
    sockets.add(plain)
    plain.on('close', () => sockets.delete(plain))
    plain.on('error', () => {})
    const socket = options.tls ? new TLSSocket(plain, { isServer: true, ...options.tls }) : plain
    socket.on('error', () => {})
    listen(socket, (one) => {
      asked.push(one)
      answer(one, socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    host: `127.0.0.1:${address.port}`,
    asked,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Reads requests, each of which comes in one piece from a client that waits for answers. */
export function listen(socket: Socket, heard: (asked: Asked) => void): void {
  socket.on('data', (chunk: Buffer) => {
    let rest = chunk
    while (rest.length > 2) {
      const reader = new BerReader(rest)
      const isMessage = rest[0] === 0x30
      if (isMessage) reader.readSequence()
      const end = isMessage ? reader.offset + reader.length : rest.length
      heard(read(rest.subarray(0, end)))
      rest = rest.subarray(end)
    }
  })
}

function read(octets: Buffer): Asked {
  try {
    return decode(octets)
  } catch {
    // A handshake of TLS, where the test has none.
    return { id: 0, what: 'other', dn: '', password: '', octets }
  }
}

function decode(octets: Buffer): Asked {
  const reader = new BerReader(octets)
  reader.readSequence()
  const id = reader.readInt() ?? 0
  const tag = reader.readSequence() ?? 0
  if (tag === 0x60) {
    reader.readInt()
    return { id, what: 'bind', dn: reader.readString() ?? '', password: reader.readString(0x80) ?? '', octets }
  }
  const dn = tag === 0x63 ? (reader.readString() ?? '') : ''
  const what = ({ 66: 'unbind', 99: 'search', 119: 'extended' } as const)[tag] ?? 'other'
  return { id, what, dn, password: '', octets }
}

/** A result: 0x61 of a bind, 0x65 of a search, 0x78 of an extended request. */
export function result(
  id: number,
  { tag, code = 0, text = '' }: { tag: number; code?: number; text?: string },
): Buffer {
  return message(id, (writer) => {
    writer.startSequence(tag)
    writer.writeEnumeration(code)
    writer.writeString('')
    writer.writeString(text)
    writer.endSequence()
  })
}

export const bound = (id: number) => result(id, { tag: 0x61 })
export const searched = (id: number, code = 0) => result(id, { tag: 0x65, code })

export function entry(
  id: number,
  dn: string,
  attributes: Readonly<Record<string, readonly (string | Buffer)[]>>,
): Buffer {
  return message(id, (writer) => {
    writer.startSequence(0x64)
    writer.writeString(dn)
    writer.startSequence()
    for (const [name, values] of Object.entries(attributes)) {
      writer.startSequence()
      writer.writeString(name)
      writer.startSequence(0x31)
      for (const value of values) writer.writeBuffer(Buffer.from(value), 0x04)
      writer.endSequence()
      writer.endSequence()
    }
    writer.endSequence()
    writer.endSequence()
  })
}

/** A search reference, to a server that nobody should ever ask. */
export function reference(id: number, url: string): Buffer {
  return message(id, (writer) => {
    writer.startSequence(0x73)
    writer.writeString(url)
    writer.endSequence()
  })
}

/** The end of a page, with word that there is another one (RFC 2696). */
export function pageEnd(id: number): Buffer {
  const cookie = Buffer.from([0x30, 6, 2, 1, 0, 4, 1, 7])
  return message(id, (writer) => {
    writer.startSequence(0x65)
    writer.writeEnumeration(0)
    writer.writeString('')
    writer.writeString('')
    writer.endSequence()
    writer.startSequence(0xa0)
    writer.startSequence()
    writer.writeString('1.2.840.113556.1.4.319')
    writer.writeBuffer(cookie, 0x04)
    writer.endSequence()
    writer.endSequence()
  })
}

function message(id: number, write: (writer: BerWriter) => void): Buffer {
  const writer = new BerWriter()
  writer.startSequence()
  writer.writeInt(id)
  write(writer)
  writer.endSequence()
  return writer.buffer
}
