/** What kind of request this is: somebody going somewhere, or a page's script and pictures; from our pages or from elsewhere. */
import type { Visit } from '../listener/visit.ts'
import { preferredType } from '../wire/accept.ts'
import { headerOf } from '../wire/headers.ts'

/**
 * Whether a redirect to a sign-in page can help. Browsers say so (Fetch Metadata); of other clients those that would
 * read HTML, as Pomerium does: no `Accept`, `*` or an unknown type counts as a browser.
 */
export function isNavigation(visit: Visit): boolean {
  if (visit.upgrade !== undefined) return false
  const mode = headerOf(visit.headers, 'sec-fetch-mode')
  if (mode !== undefined) return mode === 'navigate'
  if (!['GET', 'HEAD', 'POST'].includes(visit.method)) return false
  if (headerOf(visit.headers, 'x-requested-with')?.toLowerCase() === 'xmlhttprequest') return false
  return (
    preferredType(headerOf(visit.headers, 'accept'), ['text/html', 'application/json', 'text/plain']) === 'text/html'
  )
}

/**
 * Somebody who opens a page in a window, as only browsers say it: what can be sent on a way round and loses nothing by
 * it. A frame cannot, since sign-in pages show in none.
 */
export function isWindow({ method, upgrade, headers }: Visit): boolean {
  return (
    method === 'GET' &&
    upgrade === undefined &&
    headerOf(headers, 'sec-fetch-mode') === 'navigate' &&
    headerOf(headers, 'sec-fetch-dest') === 'document'
  )
}

/**
 * Whether the request comes from a page of `origin` or was typed by the user, by what only the browser can say. A GET
 * has to be a navigation of the whole window: pictures and frames on our own pages may be somebody else's text.
 */
export function isOwnWish(visit: Visit, origin: string): boolean {
  const site = headerOf(visit.headers, 'sec-fetch-site')
  if (visit.method === 'GET') {
    return isWindow(visit) && (site === 'same-origin' || site === 'none')
  }
  if (site !== undefined) return site === 'same-origin'
  return headerOf(visit.headers, 'origin') === origin
}
