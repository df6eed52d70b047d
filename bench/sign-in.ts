/** Signs in as a browser would, over plain HTTP on loopback, and gives back the cookies of the page's host. */
import { request } from 'node:http'

export interface SignIn {
  /** The page to open. */
  readonly url: string
  /** Where the hosts are that are not on 127.0.0.1. */
  readonly port: number
}

const mostRedirects = 15

/** Opens the page, follows every redirect, and returns the `Cookie` value for its host; throws unless it ends with 200. */
export async function signIn({ url: start, port }: SignIn): Promise<string> {
  const jars = new Map<string, Map<string, string>>()
  let url = new URL(start)
  for (let i = 0; i < mostRedirects; i++) {
    const jar = jars.get(url.host) ?? new Map<string, string>()
    jars.set(url.host, jar)
    const { status, location, cookies, body } = await ask(url, { port, cookie: cookieOf(jar) })
    for (const line of cookies) {
      const [pair = '', ...attributes] = line.split(';')
      const at = pair.indexOf('=')
      const name = pair.slice(0, at).trim()
      const isGone = attributes.some((attribute) => /^\s*(?:max-age=0|expires=thu, 01 jan 1970)/i.test(attribute))
      if (isGone) jar.delete(name)
      else jar.set(name, pair.slice(at + 1).trim())
    }
    if (location === undefined) {
      if (status === 200) return cookieOf(jars.get(new URL(start).host) ?? new Map())
      throw new Error(`cannot sign in: ${url.href} answers ${status}: ${body.slice(0, 300)}`)
    }
    url = new URL(location, url)
  }
  throw new Error(`cannot sign in: more than ${mostRedirects} redirects, the last to ${url.href}`)
}

function cookieOf(jar: ReadonlyMap<string, string>): string {
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
}

interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly cookies: readonly string[]
  readonly body: string
}

function ask(url: URL, { port, cookie }: { port: number; cookie: string }): Promise<Answer> {
  const isLoopback = url.hostname === '127.0.0.1'
  return new Promise((resolve, reject) => {
    const headers = {
      host: url.host,
      accept: 'text/html',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      'user-agent': 'Mozilla/5.0',
      ...(cookie === '' ? {} : { cookie }),
    }
    const sent = request({
      host: '127.0.0.1',
      port: isLoopback ? url.port : port,
      path: url.pathname + url.search,
      headers,
      agent: false,
    })
    sent.on('error', reject)
    sent.on('response', (answer) => {
      let body = ''
      answer.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      answer.on('end', () => {
        const { statusCode: status = 0, headers: fields } = answer
        const location = status >= 300 && status < 400 ? fields.location : undefined
        resolve({ status, location, cookies: fields['set-cookie'] ?? [], body })
      })
    })
    sent.end()
  })
}
