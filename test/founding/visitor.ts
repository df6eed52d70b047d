/** Somebody's browser: follows redirects, keeps cookies by RFC 6265, fills in forms; names lead where the test says. */
import { request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import { CookieJar } from './cookie-jar.ts'

export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

export interface Reply extends Page {
  /** Every address that was asked on the way, the last one being `url`. */
  readonly trail: readonly string[]
}

export interface VisitorOptions {
  /** The socket address behind the host and port of a URL. */
  readonly resolve: (url: URL) => { readonly host: string; readonly port: number }
  /** The authority that is trusted for https. */
  readonly ca: string
  readonly now?: () => number
}

interface Ask {
  readonly method?: string
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

const MOST_REDIRECTS = 20
const NAVIGATION = {
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'user-agent': 'Mozilla/5.0 (founding exercise)',
}

export class Visitor {
  readonly cookies: CookieJar
  readonly #options: VisitorOptions

  constructor(options: VisitorOptions) {
    this.#options = options
    this.cookies = new CookieJar(options.now ?? Date.now)
  }

  /** One request and its answer, wherever it points. */
  async ask(address: string, ask: Ask = {}): Promise<Page> {
    const url = new URL(address)
    const body = ask.form && new URLSearchParams(ask.form).toString()
    const cookie = this.cookies.header(url)
    const headers: Record<string, string> = {
      ...NAVIGATION,
      host: url.host,
      ...(cookie && { cookie }),
      ...(body !== undefined && {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(Buffer.byteLength(body)),
        origin: url.origin,
      }),
      ...ask.headers,
    }
    const page = await this.#send(url, { method: ask.method ?? (body === undefined ? 'GET' : 'POST'), headers, body })
    this.cookies.store(url, page.headers['set-cookie'])
    return page
  }

  /** A navigation: asks, and follows redirects until there is a page. */
  async open(address: string, ask: Ask = {}): Promise<Reply> {
    const trail: string[] = []
    let [next, with_] = [address, ask]
    for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
      trail.push(next)
      const page = await this.ask(next, with_)
      const location = page.headers['location']
      if (page.status < 300 || page.status >= 400 || typeof location !== 'string') return { ...page, trail }
      next = new URL(location, next).href
      with_ = {}
    }
    throw new Error(`more than ${MOST_REDIRECTS} redirects: ${trail.join(' -> ')}`)
  }

  /** Sends the first form of a page with some fields filled in, and follows on. */
  submit(page: Page, fields: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const form = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(page.body)
    if (!form) throw new Error(`no form on ${page.url} (${page.status}): ${page.body.slice(0, 500)}`)
    const filled: Record<string, string> = {}
    for (const [, attributes] of (form[2] ?? '').matchAll(/<input\b([^>]*)>/gi)) {
      const name = attribute(attributes, 'name')
      if (name !== undefined) filled[name] = attribute(attributes, 'value') ?? ''
    }
    const action = new URL(attribute(form[1], 'action') ?? page.url, page.url).href
    return this.open(action, { form: { ...filled, ...fields } })
  }

  #send(url: URL, sent: { method: string; headers: Record<string, string>; body: string | undefined }): Promise<Page> {
    const { host, port } = this.#options.resolve(url)
    const options = {
      host,
      port,
      method: sent.method,
      path: url.pathname + url.search,
      headers: sent.headers,
      agent: false,
    }
    return new Promise((resolve, reject) => {
      const request =
        url.protocol === 'https:'
          ? secureRequest({ ...options, servername: url.hostname, ca: this.#options.ca })
          : plainRequest(options)
      request.on('response', (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          body += chunk
        })
        response.on('error', reject)
        response.on('end', () =>
          resolve({ url: url.href, status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      })
      request.on('error', (cause) => reject(new Error(`cannot ask ${url.href} at ${host}:${port}`, { cause })))
      request.end(sent.body)
    })
  }
}

function attribute(attributes: string | undefined, name: string): string | undefined {
  const found = new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(attributes ?? '')?.[1]
  return found?.replaceAll('&amp;', '&').replaceAll('&#43;', '+').replaceAll('&#34;', '"').replaceAll('&#39;', "'")
}
