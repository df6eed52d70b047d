/** The authority of a request (the Host field, `:authority`): host and port, by a grammar narrower than RFC 3986 §3.2. */
import { normalAddress } from './address.ts'

export interface Authority {
  /** Lower case, without port; IPv6 in brackets and in its short form. */
  readonly host: string
  /** Digits, or '' where none was named. */
  readonly port: string
}

/**
 * Reads `host` or `host:port`; undefined for whatever is not exactly that. Refused on purpose, although RFC 3986 knows
 * it: user info, percent escapes, an empty or zero port, leading zeros, numbers that some parsers read as an IPv4
 * address and others as a name. What is not a letter, digit, `-`, `_` or `.` never gets into a host.
 */
export function parseAuthority(text: string): Authority | undefined {
  if (text.length === 0 || text.length > maximumLength) return undefined
  if (text.charCodeAt(0) === 0x5b) return parseBracketed(text)
  const colon = text.indexOf(':')
  const name = colon === -1 ? text : text.slice(0, colon)
  const port = colon === -1 ? '' : text.slice(colon + 1)
  if (colon !== -1 && !isPort(port)) return undefined
  // Letters of ASCII alone are folded: Unicode's rules would make a k of the Kelvin sign before anybody has looked.
  return nameSyntax.test(name) && isHostName(name.toLowerCase()) ? { host: name.toLowerCase(), port } : undefined
}

/** `host` or `host:port` again. */
export function printAuthority({ host, port }: Authority): string {
  return port === '' ? host : `${host}:${port}`
}

/** 253 octets of name, the dot of the root, a colon and five digits. */
const maximumLength = 260

function parseBracketed(text: string): Authority | undefined {
  const close = text.indexOf(']')
  if (close === -1) return undefined
  const address = text.slice(1, close)
  // A zone (`%25eth0`) means something on one machine only (RFC 6874), and a mapped IPv4 address is two spellings of one.
  if (!/^[0-9A-Fa-f:.]+$/.test(address) || !address.includes(':')) return undefined
  const normal = normalAddress(address)
  if (normal === undefined || !normal.includes(':')) return undefined
  const rest = text.slice(close + 1)
  if (rest === '') return { host: `[${normal}]`, port: '' }
  return rest.startsWith(':') && isPort(rest.slice(1)) ? { host: `[${normal}]`, port: rest.slice(1) } : undefined
}

function isPort(text: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535
}

const nameSyntax = /^(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?$/
/** A last label of digits, or hexadecimal: `URL` and inet_aton read such a host as an IPv4 address. */
const numberAtEnd = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/
const ipv4Syntax = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/

function isHostName(host: string): boolean {
  if (host.length > 253 && !(host.length === 254 && host.endsWith('.'))) return false
  return !numberAtEnd.test(host) || ipv4Syntax.test(host)
}
