/**
 * The file of the decision log: readable by its owner only, and by size and age renamed to `path.1`, `path.2` … of which
 * some are kept. A step of this that fails is told, and lines go on into the file that is open.
 */
import { chmodSync, closeSync, constants, fstatSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import type { DecisionSink } from './decision-log.ts'
import { LogSink } from './log-sink.ts'

export interface FileLimits {
  /** Octets. */
  readonly rotateSize: number
  /** Milliseconds; 0: never by age. */
  readonly rotateAge: number
  /** Older files that stay. */
  readonly keep: number
}

interface Opened {
  readonly fd: number
  readonly sink: LogSink
  readonly openedAt: number
}

/** After a rotation that failed the next one is tried, milliseconds. */
const retryAfter = 60_000
/** Octets that are gathered for one write. */
const chunk = 64 * 1024
/** Ordinary permission bits beyond the owner's. */
const others = 0o077

export class DecisionFile implements DecisionSink {
  readonly path: string
  /** Told of a rotation that failed. */
  onError: (error: unknown) => void = () => {}
  #limits: FileLimits
  #opened: Opened
  #size: number
  #head = ''
  #nextTry = 0

  /** Opens or makes the file; throws where it is none, or cannot be written. */
  constructor(path: string, limits: FileLimits, now: number) {
    this.path = path
    this.#limits = limits
    const { opened, size } = openFile(path, now)
    this.#opened = opened
    this.#size = size
  }

  /** New limits; and a new file where somebody else has moved the open one away. */
  adjust(limits: FileLimits, now: number): void {
    this.#limits = limits
    if (isSameFile(this.path, this.#opened.fd)) return
    this.#reopen(now)
  }

  head(line: string): void {
    // A reload that changes nothing of the scope needs no line.
    const isKnown = withoutTime(line) === withoutTime(this.#head)
    this.#head = line
    if (isKnown) return
    this.#put(line)
  }

  write(line: string, now: number): void {
    if (this.#isDue(now)) this.#rotate(now)
    this.#put(line)
  }

  /** Resolves when everything is written; nothing may be written afterwards. */
  async close(): Promise<void> {
    await closeFile(this.#opened)
  }

  #put(line: string): void {
    this.#size += line.length
    this.#opened.sink.write(line)
  }

  #isDue(now: number): boolean {
    const { rotateSize, rotateAge } = this.#limits
    const isOld = rotateAge > 0 && now - this.#opened.openedAt >= rotateAge
    return (this.#size >= rotateSize || isOld) && this.#size > this.#head.length && now >= this.#nextTry
  }

  #rotate(now: number): void {
    try {
      shift(this.path, this.#limits.keep)
      this.#reopen(now)
    } catch (error) {
      this.#nextTry = now + retryAfter
      this.onError(error)
    }
  }

  #reopen(now: number): void {
    const { opened, size } = openFile(this.path, now)
    // What the old file has not taken yet goes there while lines come here already.
    closeFile(this.#opened).catch((error: unknown) => this.onError(error))
    this.#opened = opened
    this.#size = size
    if (this.#head !== '') this.#put(this.#head)
  }
}

function withoutTime(line: string): string {
  return line.replace(/"time":"[^"]*"/, '')
}

async function closeFile({ sink, fd }: Opened): Promise<void> {
  await sink.close()
  closeSync(fd)
}

/** `path.2` becomes `path.3`, `path.1` `path.2`, `path` `path.1`; what is beyond `keep` goes. */
function shift(path: string, keep: number): void {
  if (keep === 0) {
    rmSync(path, { force: true })
    return
  }
  for (let number = keep - 1; number >= 0; number--) {
    const from = number === 0 ? path : `${path}.${number}`
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${path}.${number + 1}`)
  }
}

function openFile(path: string, now: number): { opened: Opened; size: number } {
  // A pipe would wait here for its reader, and a device is nothing that can be rotated.
  const before = statSync(path, { throwIfNoEntry: false })
  if (before && !before.isFile()) throw new TypeError(`cannot open decision log: not a file, got ${path}`)
  const fd = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600)
  const { size, birthtimeMs, mode } = fstatSync(fd)
  // A file that was there may be somebody's with wider rights; who is asking for what is nobody else's business.
  if ((mode & others) !== 0) chmodSync(path, mode & 0o700)
  const openedAt = size > 0 && birthtimeMs > 0 ? Math.min(birthtimeMs, now) : now
  return { opened: { fd, openedAt, sink: new LogSink({ fd, chunk, interval: 200 }) }, size }
}

function isSameFile(path: string, fd: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  const open = fstatSync(fd)
  return there !== undefined && there.ino === open.ino && there.dev === open.dev
}
