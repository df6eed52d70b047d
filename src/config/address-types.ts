/** Types that name a place in the network: listening addresses, public addresses, upstreams. */
import { type Fail, isMap, settingType, textOf } from './setting-type.ts'

/** Where to listen. `host` is '' for every interface; IPv6 without brackets. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export const listenAddress = () =>
  settingType('address', (raw, fail): ListenAddress | undefined => {
    // Charts and shells leave quotes inside the value now and then; Pomerium strips them as well.
    const value = textOf(raw)?.replace(/^["']+|["']+$/g, '')
    if (value === '') return undefined
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(value ?? '')
    const port = Number(match?.[3] ?? Number.NaN)
    if (match === null || port > 65535) {
      fail(
        'an address such as :443 or 127.0.0.1:8443',
        value !== undefined && /^\d+$/.test(value) ? { hint: 'write a colon before the port' } : {},
      )
      return undefined
    }
    return { host: match[1] ?? match[2] ?? '', port }
  })

/** The same, where the empty text does not mean "none". */
export const requiredListenAddress = () =>
  settingType('address', (raw, fail): ListenAddress => {
    const parsed = listenAddress().safeParse(raw === '' ? '(empty)' : raw)
    if (parsed.success && parsed.data !== undefined) return parsed.data
    fail('an address such as :443 or 127.0.0.1:8443')
    return { host: '', port: 0 }
  })

/** Parses an absolute http or https URL and refuses what a configuration has no use for, or says what is wrong. */
function readUrl(raw: unknown, fail: Fail): URL | undefined {
  const value = textOf(raw) ?? ''
  const example = 'an address such as https://app.example.com'
  // The URL parser forgives blanks, tabs and backslashes; a configuration that holds them is a mistake.
  if (/[\s\\]/.test(value) || !/^https?:\/\/[^/?#]/i.test(value) || !URL.canParse(value)) {
    fail(example)
    return undefined
  }
  const url = new URL(value)
  if (url.username !== '' || url.password !== '') {
    fail('an address without a user name or password', { found: 'a user name before the @' })
    return undefined
  }
  return url
}

/** A public address of our own: scheme, host and port, nothing after. The value is its origin. '' is "not set". */
export const originUrl = () =>
  settingType('URL (scheme and host)', (raw, fail): string | undefined => {
    if (raw === '') return undefined
    const url = readUrl(raw, fail)
    if (url === undefined) return undefined
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '') fail('a scheme and host without a path')
    return url.origin
  })

/** Any http or https address; the value is the text as written (an issuer is compared byte for byte). '' is "not set". */
export const webUrl = () =>
  settingType('URL', (raw, fail): string | undefined => {
    if (raw === '') return undefined
    return readUrl(raw, fail) === undefined ? undefined : String(raw)
  })

/** Schemes of `from` and `to` that Pomerium knows and we do not carry yet. */
const otherFrom = /^(tcp\+https?|udp\+https?|tcp|udp|ssh):/i
const otherTo = /^(h2c|unix|https\+unix|tcp|udp|ssh):/i

/** The public address of a route: scheme and host with optional port; `*` may stand anywhere in the host. Kept as written. */
export const publicAddress = () =>
  settingType('URL', (raw, fail): string => {
    const value = textOf(raw) ?? ''
    const other = otherFrom.exec(value)
    if (other !== null) {
      fail('https://HOST', { found: `${other[1]}: which is not supported yet` })
      return value
    }
    const match = /^https?:\/\/(\[[0-9a-fA-F:.]+\]|[^\s/?#@\\[\]:]+)(?::(\d*))?(.*)$/i.exec(value)
    if (match === null) fail('an address such as https://app.example.com')
    else if (match[3] !== '' && match[3] !== '/') {
      const path = /^\/[^?#]*$/.test(match[3] ?? '') ? 'put the path into prefix: or path:' : undefined
      fail('a scheme and host without a path or query', path === undefined ? {} : { hint: path })
    } else if (match[2] !== undefined && !(Number(match[2]) >= 1 && Number(match[2]) <= 65535))
      fail('a port from 1 to 65535')
    else if (!/^[\p{L}\p{N}._*-]+$|^\[/u.test(match[1] ?? '')) fail('a host of letters, digits, - . _ and *')
    return value
  })

/** One place a route goes to. */
export interface Upstream {
  /** As written, without the weight. */
  readonly url: string
  /** Share of the requests relative to the others; 0 where no weights are given. */
  readonly weight: number
}

/** `url`, `url,weight`, `{url}` or a list of them. */
export const upstreams = () =>
  settingType('URL or list of URLs', (raw, fail): readonly Upstream[] => {
    const items: readonly unknown[] = Array.isArray(raw) ? raw : [raw]
    const read = items.map((item, index) =>
      readUpstream(item, (expected, more = {}) =>
        fail(expected, Array.isArray(raw) ? { ...more, path: [index] } : more),
      ),
    )
    const weighted = read.filter(({ weight }) => weight > 0).length
    if (weighted > 0 && weighted < read.length)
      fail('a weight for every address or for none', { found: `${weighted} of ${read.length} with a weight` })
    return read
  })

function readUpstream(raw: unknown, fail: Fail): Upstream {
  const item: unknown = isMap(raw) ? raw['url'] : raw
  const [url = '', ...more] = (textOf(item) ?? '').split(',')
  const other = otherTo.exec(url)
  if (other !== null) fail('an http:// or https:// address', { found: `${other[1]}: which is not supported yet` })
  else {
    const parsed = readUrl(url, fail)
    if (parsed !== undefined && parsed.hash !== '') fail('an address without a fragment')
  }
  const given = isMap(raw) && raw['weight'] !== undefined ? [textOf(raw['weight']) ?? ''] : more
  const weight = given.length === 0 ? 0 : Number(/^\d+$/.test(given[0]?.trim() ?? '') ? given[0] : Number.NaN)
  if (given.length > 1 || (given.length === 1 && !(weight >= 1 && weight <= 4294967295))) {
    fail('an address, or an address and a weight of 1 or more with a comma between')
  }
  return { url, weight }
}
