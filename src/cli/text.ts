/** How the commands write: columns that line up, places, counts, and colours where a terminal shows them. */
import type { Place } from '../config/place.ts'

/** Marks a text with a colour, or leaves it as it is. */
export interface Paint {
  good(text: string): string
  bad(text: string): string
  dim(text: string): string
  strong(text: string): string
}

const styles = { good: '32', bad: '31', dim: '2', strong: '1' } as const

export function paintFor(colours: boolean | undefined): Paint {
  const style = (code: string) => (text: string) => (colours && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text)
  return { good: style(styles.good), bad: style(styles.bad), dim: style(styles.dim), strong: style(styles.strong) }
}

/** A cell of a table: its text, and how it is painted once its width is known. */
export interface Cell {
  readonly text: string
  readonly paint?: ((text: string) => string) | undefined
}

/** No column is made wider than this for one long text; what is longer sticks out. */
const WIDEST = 72

/** Rows as lines; each column as wide as its widest cell, two blanks between, nothing at the end of a line. */
export function printColumns(rows: readonly (readonly Cell[])[], indent = ''): string {
  const count = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: count }, (_, column) =>
    Math.min(WIDEST, Math.max(0, ...rows.map((row) => widthOf(row[column]?.text ?? '')))),
  )
  return rows
    .map((row) => {
      const last = row.findLastIndex(({ text }) => text !== '')
      const cells = row.slice(0, last + 1).map(({ text, paint = (same) => same }, column) => {
        const shown = oneLine(text)
        const space = column === last ? 0 : Math.max(0, (widths[column] ?? 0) - widthOf(text))
        return `${paint(shown)}${' '.repeat(space)}`
      })
      return `${indent}${cells.join('  ')}\n`
    })
    .join('')
}

/** What came from a file or a request must not steer the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')
}

function widthOf(text: string): number {
  return [...text].length
}

/** `gate.yaml:12:5`; the name alone where lines mean nothing. */
export function placeText({ origin, file, line, column }: Place): string {
  if (origin === 'env') return file === '' ? 'environment' : `environment ${file}`
  return line > 0 ? `${file}:${line}:${column}` : file
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
