/** Where WebSocket frames end (RFC 6455 §5.2) in a stream that passes by, so that a frame of our own can follow one. */

export class FrameBoundary {
  readonly #header = Buffer.alloc(14)
  #filled = 0
  /** Octets of the payload still to come. */
  #left = 0
  #closed = false

  /** True between two frames. */
  get clean(): boolean {
    return this.#filled === 0 && this.#left === 0
  }

  /** True once a Close frame has begun: nothing may follow it. */
  get closed(): boolean {
    return this.#closed
  }

  pass(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, chunk.length - at)
        this.#left -= skipped
        at += skipped
        continue
      }
      this.#header[this.#filled++] = chunk[at++] as number
      if (this.#filled >= 2 && this.#filled === headerLength(this.#header)) this.#begin()
    }
  }

  #begin(): void {
    const header = this.#header
    const short = (header[1] as number) & 0x7f
    if (short < 126) this.#left = short
    else if (short === 126) this.#left = header.readUInt16BE(2)
    else this.#left = header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6)
    if (((header[0] as number) & 0x0f) === 8) this.#closed = true
    this.#filled = 0
  }
}

function headerLength(header: Buffer): number {
  const second = header[1] as number
  const short = second & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0)
}

/** A Close frame (RFC 6455 §5.5.1); towards a server it has to be masked, and any mask will do for two octets. */
export function closeFrame(code: number, masked: boolean): Buffer {
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code)
  return masked ? Buffer.from([0x88, 0x82, 0, 0, 0, 0, ...payload]) : Buffer.from([0x88, 0x02, ...payload])
}
