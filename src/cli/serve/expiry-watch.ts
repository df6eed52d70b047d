/** Tells in time that a certificate ends: at the start, with each configuration, and once a day. */
import type { Settings } from '../../config/schema.ts'
import type { Log } from '../../observe/log.ts'

const day = 86_400_000
/** Long enough for somebody to be back from a holiday. */
const warnBefore = 14 * day

export interface ExpiryWatchOptions {
  log(): Log
  now(): number
}

export class ExpiryWatch {
  readonly #options: ExpiryWatchOptions
  readonly #timer: NodeJS.Timeout
  #certificates: Settings['certificates'] = []

  constructor(options: ExpiryWatchOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#tell(), day)
    this.#timer.unref()
  }

  /** These are served from now on. */
  follow({ certificates }: Pick<Settings, 'certificates'>): void {
    this.#certificates = certificates
    this.#tell()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #tell(): void {
    const now = this.#options.now()
    for (const { names, notAfter } of this.#certificates) {
      if (notAfter - now > warnBefore) continue
      const details = { service: 'listener', names, ends: new Date(notAfter).toISOString() }
      if (notAfter <= now) this.#options.log().event('error', 'a certificate has ended', details)
      else this.#options.log().event('warn', 'a certificate ends soon', details)
    }
  }
}
