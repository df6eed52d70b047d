/** Who the client is: the TCP peer, or what the trusted proxies in front say (`xff_num_trusted_hops`, `skip_xff_append`). */
import { addressOfHop } from '../wire/address.ts'
import { listMembers } from '../wire/headers.ts'

export interface Client {
  readonly address: string
  readonly scheme: 'https' | 'http'
  /** X-Forwarded-For to send on, '' for none. */
  readonly forwardedFor: string
}

export interface Hops {
  readonly peerAddress: string
  readonly secure: boolean
  /** X-Forwarded-For and X-Forwarded-Proto as received, repeated fields joined. */
  readonly forwardedFor: string | undefined
  readonly forwardedProto: string | undefined
  readonly trustedHops: number
  readonly skipXffAppend: boolean
}

/**
 * With N trusted hops the client is the Nth address from the right of X-Forwarded-For: each trusted proxy appended its
 * own peer. Fewer entries than that: whoever connected did not come through them, so the peer is the client. Undefined
 * where that entry is no address: a wrong guess could widen access (`source_ip`), so the request is to be refused.
 *
 * With none, nothing that the client sent is believed or, unless `skip_xff_append` says to leave it, sent on.
 */
export function clientOf(hops: Hops): Client | undefined {
  const { peerAddress, secure, trustedHops, skipXffAppend } = hops
  const received = hops.forwardedFor ?? ''
  if (trustedHops === 0) {
    const scheme = secure ? 'https' : 'http'
    return { address: peerAddress, scheme, forwardedFor: skipXffAppend ? received : peerAddress }
  }
  const entries = listMembers(received)
  const named = entries.at(-trustedHops)
  const address = named === undefined ? peerAddress : addressOfHop(named)
  if (address === undefined) return undefined
  const forwardedFor = skipXffAppend ? received : [...entries, peerAddress].join(', ')
  return { address, scheme: secure || isHttps(hops) ? 'https' : 'http', forwardedFor }
}

function isHttps({ forwardedProto, trustedHops }: Hops): boolean {
  const schemes = listMembers(forwardedProto)
  return (schemes.at(-trustedHops) ?? schemes[0])?.toLowerCase() === 'https'
}
