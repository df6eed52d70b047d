/** Reads the files that a configuration names, each once, within bounds, and remembers all of them for the watcher. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'

/** A configuration of 10,000 routes has about 5 MiB. */
const FILE_LIMIT = 32 * 1024 * 1024

export type FileText =
  /** `name`: the path as people find the file from the working directory. */
  | { readonly kind: 'text'; readonly text: string; readonly name: string }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly isMissing: boolean }

/** Reads a file whole; rejects with the system's error. Handed in by tests and by whoever keeps files elsewhere. */
export type ReadFile = (path: string) => Promise<string>

export class FileReader {
  readonly #cwd: string
  readonly #readFile: ReadFile
  readonly #texts = new Map<string, FileText>()

  constructor(options: { cwd: string; readFile?: ReadFile | undefined }) {
    this.#cwd = options.cwd
    this.#readFile = options.readFile ?? readBounded
  }

  /** What each watched file held, for a watcher that starts later than this reading. */
  get fingerprints(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#texts].map(([path, read]) => [path, fingerprintOf(read.kind === 'text' ? read.text : undefined)]),
    )
  }

  /** Absolute paths of every file that was asked for, those that are missing as well. */
  get watched(): readonly string[] {
    return [...this.#texts.keys()]
  }

  /** `beside`: the file that names this one; a relative path is looked for in the working directory first, then beside it. */
  async read(path: string, beside?: string): Promise<FileText> {
    if (path.trim() === '' || path.includes('\0')) return { kind: 'unreadable', reason: 'no path', isMissing: false }
    const first = await this.#once(path)
    if (first.kind === 'text' || isAbsolute(path) || beside === undefined) return first
    const folder = dirname(resolve(this.#cwd, beside))
    if (folder === resolve(this.#cwd)) return first
    const second = await this.#once(join(dirname(beside), path))
    return second.kind === 'text' ? second : first
  }

  async #once(name: string): Promise<FileText> {
    const path = resolve(this.#cwd, name)
    const known = this.#texts.get(path)
    if (known !== undefined) return known
    const text = await this.#readFile(path).then(
      (content): FileText => ({ kind: 'text', text: content, name }),
      (error: unknown): FileText => ({
        kind: 'unreadable',
        reason: reasonOf(error),
        isMissing: codeOf(error) === 'ENOENT',
      }),
    )
    this.#texts.set(path, text)
    return text
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'the file may not be read by this user',
  EPERM: 'the file may not be read by this user',
  EISDIR: 'it is a folder',
  ELOOP: 'its links go in a circle',
  ENAMETOOLONG: 'the name is too long',
  EFBIG: `it is larger than ${FILE_LIMIT / 1024 / 1024} MiB`,
  ENOTUTF8: 'it is not UTF-8 text',
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function reasonOf(error: unknown): string {
  const code = codeOf(error)
  return reasons[code] ?? `it cannot be read${code === '' ? '' : ` (${code})`}`
}

/** Stands for a text (undefined: a file that cannot be read), so that contents can be compared without being kept. */
export function fingerprintOf(text: string | undefined): string {
  return text === undefined ? 'unreadable' : createHash('sha256').update(text).digest('base64')
}

/** Reads at most the limit, so that a device or an endless pipe does not fill the memory. */
export async function readBounded(path: string): Promise<string> {
  await using file = await open(path)
  const pieces: Buffer[] = []
  let size = 0
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(256 * 1024))
    if (bytesRead === 0) break
    size += bytesRead
    if (size > FILE_LIMIT) throw Object.assign(new Error('file too large'), { code: 'EFBIG' })
    pieces.push(buffer.subarray(0, bytesRead))
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(Buffer.concat(pieces))
  } catch (cause) {
    throw Object.assign(new Error('file is not UTF-8', { cause }), { code: 'ENOTUTF8' })
  }
}
