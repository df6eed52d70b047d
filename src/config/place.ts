/** Where something was written: a file or a variable, line and column, and the text around it without its secrets. */

/** A place for people. Lines and columns count from 1; line 0 means "the whole of it" (a variable, a file that is not there). */
export interface Place {
  readonly origin: 'file' | 'env'
  /** Path of the file as it was given, or name of the variable. */
  readonly file: string
  readonly line: number
  readonly column: number
}

/** A line of a source with what to underline, secrets masked. */
export interface Excerpt {
  readonly text: string
  /** Column of the first marked character, from 1, in `text`. */
  readonly column: number
  readonly length: number
}

/** Longest piece of a line that is shown. */
const WIDTH = 110

/** One text that was read, with line starts and the ranges that must not be shown. */
export class Source {
  readonly origin: 'file' | 'env'
  readonly name: string
  readonly text: string
  /** False for a variable that holds one value: lines mean nothing there, and it may be a secret. */
  readonly hasLines: boolean
  readonly #lineStarts: number[] = [0]
  /** Ranges of secret values, as [start, end) pairs in no order. */
  readonly #masks: [number, number][] = []

  constructor(origin: 'file' | 'env', name: string, text: string, hasLines = true) {
    this.hasLines = hasLines
    this.origin = origin
    this.name = name
    this.text = text
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1)
  }

  mask(start: number, end: number): void {
    this.#masks.push([start, end])
  }

  placeAt(offset: number): Place {
    if (!this.hasLines || this.text === '') return { origin: this.origin, file: this.name, line: 0, column: 0 }
    const line = this.#lineOf(offset)
    return { origin: this.origin, file: this.name, line: line + 1, column: offset - (this.#lineStarts[line] ?? 0) + 1 }
  }

  excerptAt(start: number, end: number): Excerpt {
    const line = this.#lineOf(start)
    const lineStart = this.#lineStarts[line] ?? 0
    const lineEnd = (this.#lineStarts[line + 1] ?? this.text.length + 1) - 1
    const full = this.#masked(lineStart, lineEnd)
    const from = start - lineStart
    const cut = from > WIDTH - 30 ? from - 30 : 0
    const shown = full.slice(cut, cut + WIDTH).trimEnd()
    const length = Math.max(1, Math.min(end - start, shown.length - (from - cut)))
    return {
      text: `${cut > 0 ? '…' : ''}${shown}${full.length > cut + WIDTH ? '…' : ''}`,
      column: from - cut + (cut > 0 ? 2 : 1),
      length,
    }
  }

  #lineOf(offset: number): number {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  /** The line with every masked character as `*`, so that columns stay true, and without control characters. */
  #masked(start: number, end: number): string {
    const line = this.text
      .slice(start, end)
      .replace(/\r$/, '')
      .replace(/[\u0000-\u001f\u007f]/g, ' ')
    let result = line
    for (const [from, to] of this.#masks) {
      if (to <= start || from >= end) continue
      const first = Math.max(0, from - start)
      const last = Math.min(line.length, to - start)
      result = result.slice(0, first) + '*'.repeat(Math.max(0, last - first)) + result.slice(last)
    }
    return result.replace(
      /(\/\/)[^\s/@"']+@/g,
      (found, slashes: string) => `${slashes}${'*'.repeat(found.length - 3)}@`,
    )
  }
}
