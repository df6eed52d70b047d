/** Moments as people write them: ISO 8601, UTC where no offset is given. */

const syntax =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$/

export const momentExample = '2026-12-01T09:00Z'

/** Milliseconds since the epoch; undefined for anything that is no date or time, the 31st of February included. */
export function parseMoment(text: string): number | undefined {
  const match = syntax.exec(text)
  if (!match) return undefined
  const moment = Date.parse(
    match[1] === undefined && text.length > 10 ? `${text.replace(' ', 'T')}Z` : text.replace(' ', 'T'),
  )
  const day = Date.parse(text.slice(0, 10))
  return Number.isNaN(moment) || new Date(day).toISOString().slice(0, 10) !== text.slice(0, 10) ? undefined : moment
}

/** A moment as `parseMoment` reads it, no longer than it must be: `2026-12-01T09:00Z`. */
export function momentText(moment: number): string {
  return new Date(moment).toISOString().replace(/(?::00)?\.000Z$/, 'Z')
}
