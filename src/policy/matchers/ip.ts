/**
 * IP addresses as numbers. IPv4 and IPv6 are two families; an IPv4 address mapped into IPv6 (RFC 4291 §2.5.5.2) is IPv4,
 * in a rule as in a request. Not wire/address.ts: a BlockList costs more than all other criteria of a route together.
 */
import { isIPv6 } from 'node:net'

export type AddressBits = { readonly v4: number } | { readonly v6: bigint }

export type AddressTest = (address: AddressBits) => boolean

/** The bits of an address without zone; undefined for anything else. */
export function addressBits(text: string): AddressBits | undefined {
  const v4 = ipv4Bits(text)
  if (v4 !== undefined) return { v4 }
  if (!isIPv6(text) || text.includes('%')) return undefined
  const v6 = ipv6Bits(text)
  return v6 >> 32n === 0xffffn ? { v4: Number(v6 & 0xffff_ffffn) } : { v6 }
}

/** `address` or `address/length`; host bits are ignored. Undefined for anything else. */
export function parseRange(text: string): AddressTest | undefined {
  const [, address = '', length] = /^([0-9a-f.:]+)(?:\/(0|[1-9][0-9]{0,2}))?$/i.exec(text) ?? []
  const bits = addressBits(address)
  if (bits === undefined) return undefined
  const most = address.includes(':') ? 128 : 32
  const wanted = length === undefined ? most : Number(length)
  if (wanted > most) return undefined
  if ('v4' in bits && (most === 32 || wanted >= 96)) return range4(bits.v4, most === 32 ? wanted : wanted - 96)
  return range6('v4' in bits ? (0xffffn << 32n) | BigInt(bits.v4) : bits.v6, wanted)
}

function range4(base: number, length: number): AddressTest {
  // Shifting by 32 is shifting by 0 in JavaScript, so length 0 stands apart.
  if (length === 0) return (address) => 'v4' in address
  const shift = 32 - length
  const network = base >>> shift
  return (address) => 'v4' in address && address.v4 >>> shift === network
}

function range6(base: bigint, length: number): AddressTest {
  const shift = BigInt(128 - length)
  const network = base >> shift
  return (address) => 'v6' in address && address.v6 >> shift === network
}

/** Dotted decimal without leading zeros, which some readers take as octal. */
function ipv4Bits(text: string): number | undefined {
  let bits = 0
  let octet = -1
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit >= 0 && digit <= 9) {
      if (octet === 0) return undefined
      octet = octet === -1 ? digit : octet * 10 + digit
      if (octet > 255) return undefined
    } else if (digit === -2 && octet !== -1 && dots < 3) {
      bits = bits * 256 + octet
      octet = -1
      dots++
    } else return undefined
  }
  return dots === 3 && octet !== -1 ? bits * 256 + octet : undefined
}

/** `text` is a valid IPv6 address. */
function ipv6Bits(text: string): bigint {
  const tail = text.slice(text.lastIndexOf(':') + 1)
  const dotted = ipv4Bits(tail)
  const plain =
    dotted === undefined
      ? text
      : `${text.slice(0, -tail.length)}${(dotted >>> 16).toString(16)}:${(dotted & 0xffff).toString(16)}`
  const [left = '', right] = plain.split('::')
  const front = left === '' ? [] : left.split(':')
  const back = right === undefined || right === '' ? [] : right.split(':')
  const groups = [...front, ...new Array<string>(8 - front.length - back.length).fill('0'), ...back]
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}
