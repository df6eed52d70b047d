/** One connection to the directory: bind and search, each bounded in time; after a failure in between it is closed. */
import { type Client, type Filter, NoSuchObjectError, PasswordPolicyControl, ResultCodeError } from 'ldapts'
import { clientOn, type Line } from './dial.ts'
import { type DirectoryEntry, readEntry } from './entry.ts'
import { GaveUp, within } from './time-limit.ts'

export interface Query {
  readonly base: string
  readonly scope: 'base' | 'one' | 'sub'
  readonly filter: Filter
  readonly attributes: readonly string[]
  /** So many entries at most. */
  readonly most: number
  readonly signal: AbortSignal
}

/** There are more entries than were asked for; or the directory stops at a limit of its own. */
export class TooMany extends Error {}

/** What the directory says beside the result of a bind (draft-behera-ldap-password-policy §6.2). */
export type PasswordPolicyWord = PasswordPolicyControl['value']

const PAGE = 500

/** What servers answer that allow no pages, or know none: admin limit, unavailable critical extension, unwilling. */
const NO_PAGES = new Set([11, 12, 53])

export class Connection {
  readonly #line: Line
  readonly #client: Client
  readonly #limit: number
  #hasPages = true

  /** `limit`: milliseconds for one question. */
  constructor(line: Line, limit: number) {
    this.#line = line
    this.#client = clientOn(line.framed)
    this.#limit = limit
    // Failures reach whoever waits for an answer.
    line.framed.on('error', () => {})
  }

  get isOpen(): boolean {
    return !this.#line.framed.destroyed && !this.#line.framed.readableEnded
  }

  get tls(): Line['tls'] {
    return this.#line.tls
  }

  /** `word` is told where the directory says more than its result. @throws ResultCodeError, GaveUp, Error */
  async bind(
    credentials: { readonly dn: string; readonly password: string },
    { signal, word }: { readonly signal: AbortSignal; readonly word?: (said: PasswordPolicyWord) => void },
  ): Promise<void> {
    const { dn, password } = credentials
    // The library takes the names of SASL mechanisms for such, and EXTERNAL would bind as ourselves.
    if (dn !== '' && !dn.includes('=')) throw new RangeError('the name to bind with is none')
    const policy = new PasswordPolicyControl()
    try {
      await this.#ask(() => this.#client.bind(dn, password, policy), signal)
    } finally {
      word?.(policy.value)
    }
  }

  /**
   * Entries in pages, as servers stop at limits of their own without them; and at once where a server has no pages.
   * References to other servers are not followed.
   * @throws TooMany, ResultCodeError, GaveUp, Error
   */
  async search(query: Query): Promise<readonly DirectoryEntry[]> {
    if (!this.#hasPages) return await this.#searchWhole(query)
    try {
      return await this.#searchPages(query)
    } catch (error) {
      if (!(error instanceof ResultCodeError) || !NO_PAGES.has(error.code)) throw error
    }
    const found = await this.#searchWhole(query)
    this.#hasPages = false
    return found
  }

  close(): void {
    this.#line.framed.destroy()
  }

  async #searchPages({ base, most, signal, ...query }: Query): Promise<readonly DirectoryEntry[]> {
    const found: DirectoryEntry[] = []
    const paged = { pageSize: Math.min(most + 1, PAGE) }
    const pages = this.#client.searchPaginated(base, { ...this.#request(query), paged })
    // A page may hold references only; a server that sends such for ever is one that does not answer.
    for (let left = 8 + most / PAGE; left > 0; left--) {
      const page = await this.#ask(() => pages.next(), signal)
      if (page.done) return found
      for (const entry of page.value.searchEntries) found.push(readEntry(entry))
      if (found.length > most) throw new TooMany(`there are more than ${most} entries`)
    }
    throw new TooMany('there are more pages than entries')
  }

  /** No size is asked for: what is cut to one would look like all there is. The connection bounds the octets. */
  async #searchWhole({ base, most, signal, ...query }: Query): Promise<readonly DirectoryEntry[]> {
    const answer = await this.#ask(() => this.#client.search(base, this.#request(query)), signal)
    if (answer.searchEntries.length > most) throw new TooMany(`there are more than ${most} entries`)
    return answer.searchEntries.map(readEntry)
  }

  #request({ scope, filter, attributes }: Pick<Query, 'scope' | 'filter' | 'attributes'>) {
    return {
      scope,
      filter,
      attributes: attributes.length > 0 ? [...attributes] : ['1.1'],
      explicitBufferAttributes: ['objectGUID', 'objectSid'],
      timeLimit: Math.ceil(this.#limit / 1000),
    }
  }

  async #ask<T>(question: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#line.framed.expectAnswer()
    try {
      return await within(question(), { signal, limit: this.#limit, giveUp: () => this.close() })
    } catch (error) {
      // Only after an answer that says no does the connection stand as it stood.
      if (!(error instanceof ResultCodeError)) this.close()
      throw error
    }
  }
}

/** The directory has no entry of that name. */
export function isMissing(error: unknown): boolean {
  return error instanceof NoSuchObjectError
}

/** The connection broke, and nobody had given up: the same question may be asked on another. */
export function isBroken(error: unknown, connection: Connection): boolean {
  return (
    !connection.isOpen &&
    !(error instanceof GaveUp) &&
    !(error instanceof ResultCodeError) &&
    !(error instanceof TooMany)
  )
}
