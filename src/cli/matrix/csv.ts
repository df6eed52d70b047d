/** An access review as CSV (RFC 4180), which spreadsheets open without running anything. */
import type { Matrix } from '../../trial/compare/matrix.ts'
import { cellText } from './cell-text.ts'

export function printCsv({ routes, rows }: Matrix): string {
  const head = ['who', 'groups', ...routes.map(({ name }) => name)]
  const lines = rows.map(({ who, groups, cells }) => [who, groups.join('; '), ...cells.map((cell) => cellText(cell))])
  return [head, ...lines].map((line) => `${line.map(field).join(',')}\r\n`).join('')
}

/** A spreadsheet takes a cell that begins like this for a formula; an apostrophe in front makes it text (OWASP, CSV injection). */
const formula = /^[\s\u0000-\u001f]*[=+\-@＝＋－＠|%]|^[\t\r\n]/u

function field(text: string): string {
  const plain = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '?')
  return `"${(formula.test(plain) ? `'${plain}` : plain).replaceAll('"', '""')}"`
}
