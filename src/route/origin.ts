/** The `from` of a route, taken apart: which host (or host pattern) at which port. */
import { domainToASCII } from 'node:url'

export interface Origin {
  /** Lower case, IPv6 in brackets in its shortest form, international names in their ASCII form; `*` where it is a pattern. */
  readonly host: string
  /** The port to insist on, or '' where the scheme's own is meant. */
  readonly port: string
  /** The port that the scheme implies. */
  readonly defaultPort: '80' | '443'
}

const shape = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^/?#@:[\]\s]+)(?::([0-9]{1,5}))?\/?$/i

/**
 * Reads `scheme://host[:port]`, a slash at the end allowed (RFC 3986 §3).
 * Throws a TypeError for anything else.
 */
export function parseOrigin(from: string): Origin {
  const [, scheme = '', host = '', port = ''] = shape.exec(from) ?? []
  const name = plainHost(host)
  if (name === '' || Number(port) > 65_535)
    throw new TypeError(`cannot read from: not scheme://host[:port], got ${from}`)
  const defaultPort = scheme.toLowerCase() === 'http' ? '80' : '443'
  const insisted = port === '' ? '' : String(Number(port))
  return { host: name, port: insisted === defaultPort ? '' : insisted, defaultPort }
}

/** One spelling for each host: lower case, ASCII, the shortest IPv6 form (RFC 5952); '' for what is no host. */
export function plainHost(host: string): string {
  if (host.startsWith('[')) return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : ''
  if (/^[\x21-\x7e]*$/.test(host)) return host.toLowerCase()
  const labels = host.split('.').map((label) => (label === '' || label.includes('*') ? label : domainToASCII(label)))
  return labels.includes('') ? '' : labels.join('.').toLowerCase()
}
