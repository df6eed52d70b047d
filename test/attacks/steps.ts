/** A sign-in one step at a time, to stop at any of them. */
import type { Browser, Reply } from '#test/actors/browser.ts'
import { valuesOf } from './recording-upstream.ts'
import type { Fort } from './whole.ts'

const navigation = {
  accept: 'text/html',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}
export const step = (browser: Browser, address: string) => browser.fetch(address, { headers: navigation })

interface Way {
  readonly until: RegExp
  /** Who fills in the form. */
  readonly user?: string | undefined
}

/** Goes on until an address matches; that one is not opened. */
export async function walk(browser: Browser, start: string, { until, user = 'alice@corp.test' }: Way): Promise<string> {
  let address = start
  for (let left = 10; left > 0 && !until.test(address); left--) {
    const reply = await step(browser, address)
    const location = reply.headers['location']
    if (location !== undefined) address = new URL(location, address).href
    else if (reply.body.includes('type="password"')) address = await submitted(browser, reply, { until, user })
    else throw new Error(`nowhere to go from ${address}: ${reply.status} ${reply.body.slice(0, 300)}`)
  }
  return address
}

/** Fills in the provider's form and follows it by hand. */
async function submitted(browser: Browser, form: Reply, way: Way): Promise<string> {
  const reply = await browser.fetch(form.url, {
    method: 'POST',
    headers: { ...navigation, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ login: way.user ?? '', password: 'password' }).toString(),
    from: form.url,
  })
  return walk(browser, new URL(reply.headers['location'] ?? '', form.url).href, way)
}

export const handOverAt = /\/\.pomerium\/callback\//
export const callbackAt = /authenticate\.corp\.test:\d+\/oauth2\/callback/

/** Whose session `browser` has at the host `any`, as the application behind it hears. */
export async function whoIs(fort: Fort, browser: Browser): Promise<string | undefined> {
  const reply = await step(browser, fort.secure.url('any', '/who'))
  if (reply.status !== 200) return undefined
  const seen = fort.any.seen.at(-1)
  return seen && valuesOf(seen, 'x-email')[0]
}
