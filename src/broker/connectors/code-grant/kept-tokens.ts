/** Tokens of the source as the broker keeps them for refreshes: JSON text in `connectorData`, sealed by the store. */
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { CodeGrant } from './code-grant.ts'
import { renew } from './sign-in.ts'
import type { Tokens } from './token-endpoint.ts'

/** A token that ends this soon is renewed before it is used. */
const margin = 60_000
const mostRenewals = 1000

export function printTokens({ accessToken, refreshToken, expiresAt }: Tokens): string {
  return JSON.stringify({ accessToken, refreshToken, expiresAt })
}

/**
 * Renews tokens that have run out. A refresh token works once, and what came of it is lost where the source fails right
 * after, or the store does: so the newest renewals stay here, and the same old token gets the same new ones.
 */
export class KeptTokens {
  readonly #grant: CodeGrant
  readonly #renewals = new Map<string, Promise<Tokens>>()

  constructor(grant: CodeGrant) {
    this.#grant = grant
  }

  /**
   * Tokens to ask the source with again: the kept ones, or new ones where they have run out.
   * @throws ProxyError ACCOUNT_GONE where none were kept, or the source does not take them any more
   */
  async usable(kept: string | undefined, signal: AbortSignal): Promise<Tokens> {
    const { service, tools } = this.#grant
    const tokens = readTokens(kept)
    if (!tokens) throw new ProxyError('ACCOUNT_GONE', `cannot ask ${service} again: no token was kept`)
    const { refreshToken, expiresAt } = tokens
    if (expiresAt === undefined || expiresAt - margin > tools.now()) return tokens
    if (refreshToken === undefined)
      throw new ProxyError('ACCOUNT_GONE', `cannot ask ${service} again: the token has run out`)
    return this.#renewed(refreshToken, signal)
  }

  #renewed(refreshToken: string, signal: AbortSignal): Promise<Tokens> {
    const known = this.#renewals.get(refreshToken)
    if (known) return known
    const renewal = renew(this.#grant, refreshToken, signal).then((fresh) => ({
      ...fresh,
      refreshToken: fresh.refreshToken ?? refreshToken,
    }))
    this.#renewals.set(refreshToken, renewal)
    renewal.catch(() => this.#renewals.delete(refreshToken))
    const [oldest] = this.#renewals.keys()
    if (this.#renewals.size > mostRenewals && oldest !== undefined) this.#renewals.delete(oldest)
    return renewal
  }
}

function readTokens(kept: string | undefined): Tokens | undefined {
  if (kept === undefined) return undefined
  try {
    const { accessToken, refreshToken, expiresAt } = JSON.parse(kept) as Record<string, unknown>
    if (typeof accessToken !== 'string') return undefined
    return {
      accessToken,
      refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
      expiresAt: typeof expiresAt === 'number' ? expiresAt : undefined,
      scopes: undefined,
    }
  } catch {
    return undefined
  }
}
