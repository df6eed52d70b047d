/** The little that is certain about a pattern from its text alone. */

/** What every match begins with; '' where that is not certain. */
export function literalStart(pattern: string): string {
  const body = pattern.startsWith('^') ? pattern.slice(1) : pattern
  if (body.includes('|')) return ''
  let text = ''
  for (let at = 0; at < body.length; at++) {
    const sign = body[at] ?? ''
    const escaped = sign === '\\' ? body[at + 1] : undefined
    if (escaped !== undefined && /[a-z0-9]/i.test(escaped)) return text
    const next = body[escaped === undefined ? at + 1 : at + 2] ?? ''
    // What follows may say that the letter need not be there.
    if ('?*{'.includes(next) && next !== '') return text
    if (escaped === undefined && '.[({^$+?*'.includes(sign)) return text
    text += escaped ?? sign
    if (escaped !== undefined) at++
  }
  return text
}

/** True for the usual ways to write "any path". */
export function takesEverything(pattern: string): boolean {
  return /^\^?\/?(\.\*|\(\.\*\))\$?$/.test(pattern)
}
