/** Our own paths as one value: finds the endpoint of a visit, and begins sign-ins for the pipeline. */
import { systemRandom } from '../crypto/random.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Exchange, Visit } from '../listener/visit.ts'
import type { Answer } from '../respond/answer.ts'
import type { Session } from '../session/session.ts'
import { isAuthenticateHost, originOf } from './addresses.ts'
import type { EndpointContext } from './context.ts'
import { readForm } from './read-form.ts'
import { renewSession } from './renew-session.ts'
import { type SignInStart, startSignIn } from './start-sign-in.ts'
import { type EndpointRow, endpoints } from './table.ts'

export interface EndpointOptions extends Omit<EndpointContext, 'random'> {
  /** The operator's `set_response_headers` (flat list), laid on where we set nothing of our own. */
  readonly responseHeaders?: readonly string[]
  readonly random?: EndpointContext['random']
  readonly clock?: () => number
}

export interface Endpoint {
  /** For the access log. */
  readonly name: string
  answer(exchange: Pick<Exchange, 'visit' | 'request'>): Promise<Answer>
}

export interface Endpoints {
  /** The endpoint at the visit's host and path; undefined where a route has to be looked for. */
  find(visit: Visit): Endpoint | undefined
  /** The answer for a visitor that policy wants signed in. */
  startSignIn(visit: Visit, start: SignInStart): Promise<Answer>
  /** A way round for a session whose cookie says less than is known; undefined where the request goes on. */
  renewSession(
    visit: Visit,
    who: { readonly session: Session | undefined; readonly now: number },
  ): Promise<Answer | undefined> | undefined
}

export function openEndpoints({ responseHeaders = [], clock = Date.now, ...options }: EndpointOptions): Endpoints {
  const context: EndpointContext = { random: systemRandom, ...options }
  const byPath = Map.groupBy(endpoints, ({ path }) => path)
  return {
    find(visit) {
      const rows = byPath.get(visit.path)
      const row = rows?.find(({ at }) => isAt(at, { visit, context }))
      if (!row) return isReserved(visit.path) ? nothing : undefined
      return {
        name: row.name,
        async answer({ visit, request }) {
          checkMethod(row, visit)
          const ask = { visit, now: clock(), readForm: () => readForm({ visit, request }) }
          return withMore(await row.handler(ask, context), responseHeaders)
        },
      }
    },
    async startSignIn(visit, start) {
      return withMore(await startSignIn(visit, context, start), responseHeaders)
    },
    renewSession(visit, { session, now }) {
      return renewSession(visit, context, { session, now })?.then(
        (answer) => answer && withMore(answer, responseHeaders),
      )
    },
  }
}

function isAt(at: EndpointRow['at'], { visit, context }: { visit: Visit; context: EndpointContext }): boolean {
  switch (at) {
    case 'everywhere':
      return true
    case 'authenticate':
      return isAuthenticateHost(visit, context)
    case 'route':
      return context.isRouteHost(new URL(originOf(visit, context)))
  }
}

/** Below these an upstream is never asked, whatever is there. */
export function isReserved(path: string): boolean {
  return /^\/(?:\.pomerium|\.well-known\/pomerium)(?:\/|$)/.test(path)
}

const nothing: Endpoint = {
  name: 'nothing',
  async answer({ visit }) {
    throw new ProxyError('ENDPOINT_NOT_FOUND', `cannot answer ${visit.authority}${visit.path}: no such path of ours`)
  },
}

function checkMethod({ methods }: EndpointRow, { method, path }: Visit): void {
  if (methods.includes(method)) return
  throw new ProxyError('METHOD_REFUSED', `cannot ${method} ${path}`, { headers: ['allow', methods.join(', ')] })
}

function withMore(answer: Answer, more: readonly string[]): Answer {
  const present = new Set(answer.headers.filter((_, index) => index % 2 === 0))
  const missing: string[] = []
  for (let at = 0; at + 1 < more.length; at += 2) {
    const name = (more[at] ?? '').toLowerCase()
    if (!present.has(name)) missing.push(name, more[at + 1] ?? '')
  }
  return missing.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...missing] }
}
