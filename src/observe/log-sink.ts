/**
 * Where log lines go: gathered, written without blocking, and bounded when nobody reads them (then dropped and counted).
 *
 * Not pino's own destination: its asynchronous writes are lost when the process ends before them, and one that waits for
 * a full pipe in libuv's thread pool keeps the process from ending at all; its synchronous ones stop the event loop.
 */
import { writeSync } from 'node:fs'

export interface SinkOptions {
  /** File descriptor: 1 is standard output. */
  readonly fd?: number
  /** Octets that are gathered before a write. Several processes on one pipe need at most 4096 (PIPE_BUF), or lines may mix. */
  readonly chunk?: number
  /** Octets that may wait for the reader. */
  readonly limit?: number
  /** How long a line waits for company, milliseconds. */
  readonly interval?: number
}

/** Room for the line that fills a chunk. */
const pageSlack = 16 * 1024
const lineEnd = 0x0a
/** When a full pipe or disk is tried again, milliseconds. */
const retryAfter = 20
/** How long the end of the process waits for a slow reader, in steps of 10 ms. */
const lastTries = 20

export class LogSink {
  readonly #fd: number
  readonly #chunk: number
  readonly #limit: number
  readonly #interval: number
  /** Lines are written into octets at once: as text they would live until the chunk is full, and cost the collector dearly. */
  #page: Buffer
  #used = 0
  /** What could not be written yet, oldest first. */
  readonly #waiting: Buffer[] = []
  #waitingOctets = 0
  #timer: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #isBroken = false
  #dropped = 0
  #untold = 0

  constructor(options: SinkOptions = {}) {
    const { fd = 1, chunk = 65536, limit = 4 * 1024 * 1024, interval = 100 } = options
    this.#fd = fd
    this.#chunk = chunk
    this.#page = Buffer.allocUnsafe(chunk + pageSlack)
    this.#limit = limit
    this.#interval = interval
    makeNonBlocking(fd)
    process.once('exit', this.#atExit)
  }

  /** Lines that were dropped since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** Takes one line, its line end included; never blocks, never throws. */
  write(line: string): void {
    // Three octets are the most that a unit of UTF-16 takes.
    if (line.length * 3 > this.#page.length - this.#used) this.#push()
    if (line.length * 3 > this.#page.length) this.#hand(Buffer.from(line))
    else this.#used += this.#page.write(line, this.#used)
    if (this.#used >= this.#chunk) this.#push()
    else this.#timer ??= setTimeout(() => this.#push(), this.#interval).unref()
  }

  /** Writes what is waiting and resolves when it is out, or when `limitMs` have passed. */
  async flush(limitMs = 1000): Promise<void> {
    this.#push()
    for (let waited = 0; this.#waiting.length > 0 && waited < limitMs; waited += retryAfter) {
      await new Promise((resolve) => setTimeout(resolve, retryAfter))
    }
  }

  /** As `flush`; afterwards the sink has no timers and no part in the end of the process. */
  async close(): Promise<void> {
    await this.flush()
    process.off('exit', this.#atExit)
    clearTimeout(this.#retry)
  }

  #push(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#used === 0) return
    const octets = this.#page.subarray(0, this.#used)
    this.#used = 0
    this.#hand(octets)
    // What could not be written yet still lies in the page.
    if (this.#waiting.length > 0) this.#page = Buffer.allocUnsafe(this.#chunk + pageSlack)
  }

  #hand(octets: Buffer): void {
    if (this.#isBroken || this.#waitingOctets + octets.length > this.#limit) {
      this.#drop(octets)
      return
    }
    this.#waiting.push(octets)
    this.#waitingOctets += octets.length
    if (this.#retry === undefined) this.#drain()
  }

  #drop(octets: Buffer): void {
    let lines = 0
    for (let at = octets.indexOf(lineEnd); at >= 0; at = octets.indexOf(lineEnd, at + 1)) lines++
    this.#dropped += lines
    this.#untold += lines
  }

  /** Writes as much as the other side takes at once; the rest waits for a timer. */
  #drain(): void {
    this.#retry = undefined
    try {
      for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
        const written = writeSync(this.#fd, first)
        this.#waitingOctets -= written
        if (written < first.length) this.#waiting[0] = first.subarray(written)
        else this.#waiting.shift()
      }
      if (this.#untold > 0) this.#tellDrops()
    } catch (error) {
      // A full pipe (EAGAIN) or disk (ENOSPC) may take more later; a reader that has gone (EPIPE) does not come back.
      if (codeOf(error) === 'EPIPE') this.#giveUp()
      else this.#retry = setTimeout(() => this.#drain(), retryAfter).unref()
    }
  }

  #tellDrops(): void {
    const line = { level: 'warn', time: new Date().toISOString(), service: 'ostiary', dropped: this.#untold }
    this.#untold = 0
    this.write(`${JSON.stringify({ ...line, message: 'log lines dropped' })}\n`)
  }

  #giveUp(): void {
    this.#isBroken = true
    this.#waiting.length = 0
    this.#waitingOctets = 0
  }

  /** What still waits goes out, unless nobody reads: then the process ends without it. */
  readonly #atExit = (): void => {
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#push()
    const pause = new Int32Array(new SharedArrayBuffer(4))
    for (let tries = 0; this.#waiting.length > 0 && tries < lastTries; tries++) {
      Atomics.wait(pause, 0, 0, 10)
      clearTimeout(this.#retry)
      this.#drain()
    }
  }
}

/** Node puts a pipe into non-blocking mode when it makes a stream of it; a write to a full one then fails at once. */
function makeNonBlocking(fd: number): void {
  if (fd === 1) void process.stdout
  if (fd === 2) void process.stderr
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
