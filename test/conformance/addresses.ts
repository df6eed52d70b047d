/** Addresses in the vectors' notation, less what only the proxy itself reads. */

export interface Address {
  readonly to: string
  readonly query?: Readonly<Record<string, string>>
}

/** Parameters between our own hosts (signatures, times, ids, the sealed session) are each product's own; the target is the user's. */
const ours = /^pomerium_(?!redirect_uri$)/
/** Parameters whose value is another each time. */
const changing = new Set(['state', 'nonce', 'code_challenge', 'id_token_hint'])

/** An address as the vectors write it; the authority of the provider becomes theirs. */
export function readAddress(text: string, issuer: string): Address {
  const [to = '', query = ''] = text.replace(issuer, 'http://127.0.0.1:22170').split('?', 2)
  return address(to, Object.fromEntries(new URLSearchParams(query)))
}

/** What of the vector's address is compared. */
export function wantedAddress({ to, query = {} }: Address): Address {
  return address(to, query)
}

function address(to: string, query: Readonly<Record<string, string>>): Address {
  const kept = Object.entries(query)
    .filter(([name]) => !ours.test(name))
    .map(([name, value]) => [name, changing.has(name) ? '(value)' : value])
  return kept.length === 0 ? { to } : { to, query: Object.fromEntries(kept) }
}
