/** Somebody's browser, without a screen: keeps cookies, follows redirects, fills in forms, says how a request came about. */
import { request as plainRequest, type RequestOptions } from 'node:http'
import { request as secureRequest } from 'node:https'
import { type ClientOptions, WebSocket } from 'ws'
import { CookieJar, type Relation } from './cookie-jar.ts'

export interface Reply {
  readonly url: string
  readonly status: number
  /** Lower-case names; several values of one name are joined as Node joins them. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly setCookies: readonly string[]
  readonly body: string
}

export interface Page extends Reply {
  /** Each address that was asked on the way with its status, the last one being this page's. */
  readonly trail: readonly { readonly url: string; readonly status: number }[]
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The page from which a request is sent; its site decides about SameSite. None: somebody typed the address. */
  readonly from?: string
}

export interface BrowserOptions {
  /** The port on 127.0.0.1 where the hosts of the test are; an address of 127.0.0.1 is taken as it stands. */
  readonly port: number
  /** The one where they speak plain HTTP; by default the same. */
  readonly plainPort?: number
  readonly ca: string
  readonly now?: () => number
}

const MOST_REDIRECTS = 20
const DOCUMENT = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'upgrade-insecure-requests': '1',
  'user-agent': 'Mozilla/5.0 (test)',
}
const BACKGROUND = {
  accept: '*/*',
  'sec-fetch-mode': 'cors',
  'sec-fetch-dest': 'empty',
  'user-agent': 'Mozilla/5.0 (test)',
}

export class Browser {
  readonly cookies: CookieJar
  readonly #options: BrowserOptions

  constructor(options: BrowserOptions) {
    this.#options = options
    this.cookies = new CookieJar(options.now ?? Date.now)
  }

  /** A navigation: an address in a tab, redirects followed until there is a page. */
  async open(address: string, ask: Ask = {}): Promise<Page> {
    const trail: { url: string; status: number }[] = []
    let url = new URL(address)
    let next: Ask = ask
    for (;;) {
      const isSafe = (next.method ?? 'GET') === 'GET'
      const relation = isSameSite(url, next.from) ? 'same-site' : isSafe ? 'cross-site-navigation' : 'cross-site'
      const reply = await this.#ask(url, { ...next, headers: { ...DOCUMENT, ...next.headers } }, relation)
      trail.push({ url: url.href, status: reply.status })
      const location = reply.headers['location']
      if (reply.status < 300 || reply.status >= 400 || location === undefined) {
        const page = { ...reply, trail }
        // The one script that this browser runs: a page that sends its form by itself.
        return reply.body.includes('document.forms[0].submit()') ? this.submit(page) : page
      }
      if (trail.length > MOST_REDIRECTS) {
        throw new Error(`more than ${MOST_REDIRECTS} redirects: ${trail.map((stop) => stop.url).join('\n')}`)
      }
      url = new URL(location, url)
      const keepsMethod = reply.status === 307 || reply.status === 308
      next = { ...(ask.from !== undefined && { from: ask.from }), ...(keepsMethod && { ...next }) }
    }
  }

  /** A request that a script of the page `from` sends: one answer, no redirect followed. */
  fetch(address: string, ask: Ask = {}): Promise<Reply> {
    const url = new URL(address)
    const relation = isSameSite(url, ask.from) ? 'same-site' : 'cross-site'
    return this.#ask(url, { ...ask, headers: { ...BACKGROUND, ...ask.headers } }, relation)
  }

  /** Sends the form of `page` with some fields filled in; `which` chooses among several by a text in its markup. */
  submit(page: Reply, fields: Readonly<Record<string, string>> = {}, which = ''): Promise<Page> {
    const forms = [...page.body.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)]
    const form = forms.find(([markup]) => markup.includes(which))
    if (!form) throw new Error(`no such form on ${page.url} (${page.status}): ${page.body.slice(0, 2000)}`)
    const filled: Record<string, string> = {}
    for (const [, attributes = ''] of (form[2] ?? '').matchAll(/<input\b([^>]*)>/gi)) {
      const name = attributeOf(attributes, 'name')
      if (name !== undefined) filled[name] = attributeOf(attributes, 'value') ?? ''
    }
    const action = new URL(attributeOf(form[1] ?? '', 'action') ?? page.url, page.url)
    const values = new URLSearchParams({ ...filled, ...fields }).toString()
    const isPost = attributeOf(form[1] ?? '', 'method')?.toLowerCase() === 'post'
    if (!isPost) {
      action.search = values
      return this.open(action.href, { from: page.url })
    }
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(page.url).origin }
    return this.open(action.href, { method: 'POST', body: values, headers, from: page.url })
  }

  /** Opens `address` and signs in at the provider's form as `user`. */
  async signIn(address: string, user: string, password = 'password'): Promise<Page> {
    const form = await this.open(address)
    if (!form.body.includes('type="password"')) throw new Error(`no sign-in form: ${describe(form)}`)
    return this.submit(form, { login: user, password }, 'type="password"')
  }

  /** A WebSocket from a page of `origin` (by default its own); the cookies of the browser go along. */
  webSocket(address: string, options: { readonly origin?: string; readonly headers?: Record<string, string> } = {}) {
    const url = new URL(address)
    const asked = new URL(address.replace(/^ws/, 'http'))
    const origin = options.origin ?? asked.origin
    const cookie = this.cookies.header(asked, isSameSite(asked, origin) ? 'same-site' : 'cross-site')
    const sent: ClientOptions & { servername: string } = {
      ca: this.#options.ca,
      servername: url.hostname,
      origin,
      headers: { host: url.host, ...(cookie && { cookie }), ...options.headers },
    }
    return new WebSocket(`wss://127.0.0.1:${this.#options.port}${url.pathname}${url.search}`, sent)
  }

  async #ask(url: URL, ask: Ask, relation: Relation): Promise<Reply> {
    const cookie = this.cookies.header(url, relation)
    const isSameOrigin = ask.from !== undefined && new URL(ask.from).origin === url.origin
    const site = ask.from === undefined ? 'none' : isSameOrigin ? 'same-origin' : relation.replace('-navigation', '')
    const headers: Record<string, string> = {
      host: url.host,
      'sec-fetch-site': site,
      ...(cookie && { cookie }),
      ...(ask.body !== undefined && { 'content-length': String(Buffer.byteLength(ask.body)) }),
      ...ask.headers,
    }
    const reply = await this.send(url, { ...ask, headers })
    this.cookies.store(url, reply.setCookies)
    return reply
  }

  #portFor({ protocol }: URL): number {
    const { port, plainPort = port } = this.#options
    return protocol === 'http:' ? plainPort : port
  }

  /** One exchange over a connection of its own. */
  protected send(url: URL, ask: Ask): Promise<Reply> {
    const options: RequestOptions = {
      host: '127.0.0.1',
      port: url.hostname === '127.0.0.1' ? Number(url.port) : this.#portFor(url),
      method: ask.method ?? 'GET',
      path: url.pathname + url.search,
      headers: ask.headers ?? {},
      agent: false,
    }
    return new Promise((resolve, reject) => {
      const request =
        url.protocol === 'https:'
          ? secureRequest({ ...options, servername: isAddress(url) ? '' : url.hostname, ca: this.#options.ca })
          : plainRequest(options)
      request.on('error', (cause) => reject(new Error(`cannot ask ${url.href}`, { cause })))
      request.on('response', (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const { 'set-cookie': setCookies = [], ...rest } = response.headers
          resolve({
            url: url.href,
            status: response.statusCode ?? 0,
            headers: rest as Record<string, string | undefined>,
            setCookies,
            body: Buffer.concat(parts).toString('utf8'),
          })
        })
      })
      request.end(ask.body)
    })
  }
}

/** One line about where a journey went, for the message of a failed assertion. */
export function describe(page: Page): string {
  const way = page.trail.map(({ url, status }) => `${status} ${url}`).join('\n  ')
  return `\n  ${way}\n  ${page.body.replace(/<style>[\s\S]*?<\/style>/, '').slice(0, 1500)}`
}

/** The same scheme and the same last two labels: enough for hosts under .test. */
function isSameSite(url: URL, from: string | undefined): boolean {
  if (from === undefined) return true
  const site = (at: URL) =>
    `${at.protocol}//${isAddress(at) ? at.hostname : at.hostname.split('.').slice(-2).join('.')}`
  return site(new URL(from)) === site(url)
}

const isAddress = ({ hostname }: URL) => /^[\d.]+$/.test(hostname)

function attributeOf(attributes: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`, 'i').exec(attributes)?.[1]
  return found
    ?.replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}
