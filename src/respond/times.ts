/** Moments as people say them, with the exact one beside it for machines and for whoever points at it. */
import { type Html, html } from './html.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const month = 30.44 * day
const year = 365.25 * day

/** "in 3 hours", "2 minutes ago", "just now"; `at` and `now` are milliseconds since the epoch. */
export function timeInWords(at: number, now: number): string {
  const distance = Math.abs(at - now)
  if (distance < 45_000) return at > now ? 'in less than a minute' : 'just now'
  const [count, unit] = largest(distance)
  const text = `${count} ${unit}${count === 1 ? '' : 's'}`
  return at > now ? `in ${text}` : `${text} ago`
}

/** Rounded to the unit that says enough: 90 minutes are 2 hours, 36 hours are 2 days. */
function largest(distance: number): [number, string] {
  if (distance < 59.5 * minute) return [Math.round(distance / minute), 'minute']
  if (distance < 23.5 * hour) return [Math.round(distance / hour), 'hour']
  if (distance < 59.5 * day) return [Math.round(distance / day), 'day']
  if (distance < 23.5 * month) return [Math.round(distance / month), 'month']
  return [Math.round(distance / year), 'year']
}

/** A `<time>` element around the words. Moments outside of what a date can be print as nothing. */
export function timeElement(at: number, now: number): Html {
  if (!(Math.abs(at) <= 8.64e15)) return html``
  const exact = new Date(at).toISOString()
  return html`<time datetime="${exact}" title="${exact.slice(0, 16).replace('T', ' ')} UTC">${timeInWords(at, now)}</time>`
}
