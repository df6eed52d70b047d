/** Tells when the content of any watched file has changed and come to rest, however it was changed. */
import { type FSWatcher, watch } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fingerprintOf, readBounded } from './file-reader.ts'

export interface WatchOptions {
  /** What each file held when it was read (`fingerprints` of the configuration); the present content where it is not given. */
  readonly known?: ReadonlyMap<string, string>
  /** How long nothing may change before the change is told, milliseconds: a file is often written in several steps. */
  readonly settle?: number
  /** How often files are looked at when the system tells nothing (bind mounts, network file systems), milliseconds. */
  readonly poll?: number
}

/**
 * Watches files, present or not. `onChange` gets the absolute paths whose content differs from what was last told;
 * a touch, a rename to the same content or a change that was taken back tells nothing. It is called once at a time.
 * Folders are watched and not files, since editors and Kubernetes put new files (or links) in the place of old ones.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: (changed: readonly string[]) => void,
  options: WatchOptions = {},
): Disposable {
  return new FileWatch(paths, onChange, options)
}

class FileWatch implements Disposable {
  readonly #paths: readonly string[]
  readonly #onChange: (changed: readonly string[]) => void
  readonly #settle: number
  readonly #told: Map<string, string>
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #poll: NodeJS.Timeout
  #timer: NodeJS.Timeout | undefined
  /** Content seen at the last look, told or not yet. */
  #seen = new Map<string, string>()
  /** What the system says of each file (inode, size, times); content is read again only where that differs. */
  #marks = new Map<string, string>()
  #looking = false
  #again = false
  #closed = false

  constructor(paths: readonly string[], onChange: (changed: readonly string[]) => void, options: WatchOptions) {
    this.#paths = [...new Set(paths)]
    this.#onChange = onChange
    this.#settle = options.settle ?? 150
    this.#told = new Map(options.known)
    this.#poll = setInterval(() => this.#wake(0), options.poll ?? 2000)
    this.#poll.unref()
    this.#wake(0)
  }

  [Symbol.dispose](): void {
    this.#closed = true
    clearInterval(this.#poll)
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #wake(delay: number): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), delay)
    this.#timer.unref()
  }

  /** One look at all files; looks never overlap. */
  async #look(): Promise<void> {
    if (this.#looking) {
      this.#again = true
      return
    }
    this.#looking = true
    try {
      await this.#compare()
    } finally {
      this.#looking = false
      if (this.#again) {
        this.#again = false
        this.#wake(this.#settle)
      }
    }
  }

  async #compare(): Promise<void> {
    await this.#watchFolders()
    const before = this.#seen
    const now = new Map<string, string>()
    for (const path of this.#paths) now.set(path, await this.#fingerprint(path, before.get(path)))
    if (this.#closed) return
    this.#seen = now
    for (const [path, content] of now) if (!this.#told.has(path)) this.#told.set(path, content)
    const changed = this.#paths.filter((path) => now.get(path) !== this.#told.get(path))
    if (changed.length === 0) return
    // Told only when a second look finds the same: what is being written goes on changing.
    const atRest = before.size > 0 && this.#paths.every((path) => now.get(path) === before.get(path))
    if (!atRest) return this.#wake(this.#settle)
    for (const path of changed) this.#told.set(path, now.get(path) ?? '')
    this.#onChange(changed)
  }

  async #fingerprint(path: string, before: string | undefined): Promise<string> {
    const mark = await stat(path, { bigint: true }).then(
      ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(':'),
      () => 'unreadable',
    )
    if (before !== undefined && mark === this.#marks.get(path)) return before
    this.#marks.set(path, mark)
    return fingerprintOf(mark === 'unreadable' ? undefined : await readBounded(path).catch(() => undefined))
  }

  /** The folder of each file and of what its links lead to. A folder that is not there is tried again at the next look. */
  async #watchFolders(): Promise<void> {
    const folders = new Set<string>()
    for (const path of this.#paths) {
      folders.add(dirname(path))
      folders.add(dirname(await realpath(path).catch(() => path)))
    }
    if (this.#closed) return
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watchFolder(folder)
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#wake(this.#settle))
      // Out of watches, or the folder is gone: polling goes on.
      watcher.on('error', () => {
        watcher.close()
        this.#watchers.delete(folder)
      })
      this.#watchers.set(folder, watcher)
    } catch {
      // The same at the start.
    }
  }
}
