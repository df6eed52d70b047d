/** IP addresses and networks: one spelling for each address, and sets of networks to look it up in. */
import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net'

/**
 * The one spelling of an IP address: IPv4 in decimal, IPv6 in lower case and short form, an IPv4 address mapped into
 * IPv6 (`::ffff:10.0.0.1`, as dual-stack sockets report it) as IPv4, no zone. Undefined where `text` is no address.
 */
export function normalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  if (!isIPv6(text)) return undefined
  const zone = text.indexOf('%')
  const address = zone === -1 ? text : text.slice(0, zone)
  const normal = new SocketAddress({ address, family: 'ipv6' }).address.toLowerCase()
  return unmap(normal) ?? normal
}

/** `10.0.0.1:80`, `[::1]:80`, `10.0.0.1`, `::1` or `[::1]` as some proxies write a hop: the normal address, without the port. */
export function addressOfHop(text: string): string | undefined {
  const bracketed = /^\[([^\]]+)\](?::[0-9]{1,5})?$/.exec(text)?.[1]
  if (bracketed !== undefined) return isIPv6(bracketed) ? normalAddress(bracketed) : undefined
  const withPort = /^([0-9.]+):[0-9]{1,5}$/.exec(text)?.[1]
  return normalAddress(withPort ?? text)
}

/** A set of networks. */
export interface Networks {
  /** Whether `address` lies in one of them; false for what is no address. */
  has(address: string): boolean
}

/**
 * Compiles addresses and CIDR blocks (`10.0.0.0/8`, `fd00::/8`, `192.0.2.1`) into one set; throws on an entry that is
 * neither, an empty one included: a blank must never stand for everybody.
 */
export function compileNetworks(entries: readonly string[]): Networks {
  const list = new BlockList()
  for (const entry of entries) addNetwork(list, entry)
  return {
    has(text) {
      const address = normalAddress(text)
      return address !== undefined && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
    },
  }
}

function addNetwork(list: BlockList, entry: string): void {
  const [text = '', bits, ...rest] = entry.split('/')
  const family = isIPv4(text) ? 'ipv4' : isIPv6(text) && !text.includes('%') ? 'ipv6' : undefined
  const width = family === 'ipv4' ? 32 : 128
  const prefix = bits === undefined ? width : /^(?:0|[1-9][0-9]{0,2})$/.test(bits) ? Number(bits) : Number.NaN
  if (family === undefined || rest.length > 0 || !(prefix <= width)) {
    throw new TypeError(`cannot read network: an address or CIDR block was expected, got ${JSON.stringify(entry)}`)
  }
  const normal = normalAddress(text) ?? text
  if (family === 'ipv6' && isIPv4(normal)) {
    if (prefix < 96) throw new TypeError(`cannot read network: ${JSON.stringify(entry)} mixes IPv4 and IPv6`)
    list.addSubnet(normal, prefix - 96, 'ipv4')
    return
  }
  list.addSubnet(normal, prefix, family)
}

/** inet_ntop prints mapped addresses as `::ffff:1.2.3.4`, whatever their spelling was. */
function unmap(normal: string): string | undefined {
  if (!normal.startsWith('::ffff:')) return undefined
  const tail = normal.slice(7)
  return isIPv4(tail) ? tail : undefined
}
