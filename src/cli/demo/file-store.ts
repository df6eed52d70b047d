/** A tree of files in memory, with bounds: what the sample application `files` keeps. */
import { createHash } from 'node:crypto'

export interface StoredFile {
  readonly kind: 'file'
  readonly content: Buffer
  readonly type: string
  readonly etag: string
  readonly changedAt: number
}

export interface Collection {
  readonly kind: 'collection'
  readonly changedAt: number
}

export type Entry = StoredFile | Collection

/** Why the store did not do something, as the HTTP status that says so (RFC 4918 §9). */
export type Refusal = 404 | 405 | 409 | 412 | 507

export interface StoreLimits {
  readonly octets: number
  readonly entries: number
}

/**
 * Paths are `/`-separated, without a slash at the end; '' is the root, which is always there.
 * Every change returns undefined or the status that says why not.
 */
export class FileStore {
  readonly #entries = new Map<string, Entry>()
  readonly #limits: StoreLimits
  #octets = 0

  constructor(limits: StoreLimits, now: number) {
    this.#limits = limits
    this.#entries.set('', { kind: 'collection', changedAt: now })
  }

  get(path: string): Entry | undefined {
    return this.#entries.get(path)
  }

  /** How many more octets fit where `path` is overwritten. */
  room(path: string): number {
    return this.#limits.octets - this.#octets + sizeOf(this.get(path))
  }

  /** Names and entries directly under `path`, in order. */
  list(path: string): (readonly [string, Entry])[] {
    const prefix = `${path}/`
    return [...this.#entries]
      .filter(([key]) => key.startsWith(prefix) && !key.includes('/', prefix.length))
      .map(([key, entry]) => [key.slice(prefix.length), entry] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  }

  put(path: string, file: { content: Buffer; type: string; now: number }): Refusal | undefined {
    const old = this.get(path)
    if (path === '' || old?.kind === 'collection') return 405
    if (this.get(parentOf(path))?.kind !== 'collection') return 409
    if (file.content.length > this.room(path) || (!old && this.#entries.size >= this.#limits.entries)) return 507
    this.#set(path, {
      kind: 'file',
      content: file.content,
      type: file.type,
      etag: `"${createHash('sha256').update(file.content).digest('base64url').slice(0, 22)}"`,
      changedAt: file.now,
    })
    return undefined
  }

  makeCollection(path: string, now: number): Refusal | undefined {
    if (this.get(path)) return 405
    if (this.get(parentOf(path))?.kind !== 'collection') return 409
    if (this.#entries.size >= this.#limits.entries) return 507
    this.#set(path, { kind: 'collection', changedAt: now })
    return undefined
  }

  remove(path: string): Refusal | undefined {
    if (path === '') return 405
    if (!this.get(path)) return 404
    for (const key of this.#under(path)) this.#delete(key)
    return undefined
  }

  /**
   * Copies or moves `from` with all that is under it. An entry at `to` is replaced when `overwrite` is set.
   * `shallow` copies a collection without its members (RFC 4918 §9.8.3, Depth 0).
   */
  transfer(
    from: string,
    to: string,
    how: { readonly move: boolean; readonly overwrite: boolean; readonly shallow?: boolean },
  ): Refusal | undefined {
    const entry = this.get(from)
    if (!entry) return 404
    if (from === '' || to === '' || to === from || to.startsWith(`${from}/`) || from.startsWith(`${to}/`)) return 409
    if (this.get(parentOf(to))?.kind !== 'collection') return 409
    if (this.get(to) && !how.overwrite) return 412
    const moved = how.shallow && !how.move ? [from] : this.#under(from)
    const copies = moved.map((key) => [to + key.slice(from.length), this.#entries.get(key)] as const)
    if (!how.move) {
      const octets = copies.reduce((sum, [, copy]) => sum + sizeOf(copy), 0)
      if (octets > this.room('')) return 507
      if (this.#entries.size + copies.length > this.#limits.entries) return 507
    }
    if (this.get(to)) this.remove(to)
    if (how.move) this.remove(from)
    for (const [key, copy] of copies) if (copy) this.#set(key, copy)
    return undefined
  }

  #under(path: string): string[] {
    return [...this.#entries.keys()].filter((key) => key === path || key.startsWith(`${path}/`))
  }

  #set(path: string, entry: Entry): void {
    this.#octets += sizeOf(entry) - sizeOf(this.get(path))
    this.#entries.set(path, entry)
  }

  #delete(path: string): void {
    this.#octets -= sizeOf(this.get(path))
    this.#entries.delete(path)
  }
}

const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/'))

const sizeOf = (entry: Entry | undefined) => (entry?.kind === 'file' ? entry.content.length : 0)
