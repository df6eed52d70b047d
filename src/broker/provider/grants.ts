/** Grants: what one sign-in at one application may become, for how long, and what ends it. */
import { randomBytes } from 'node:crypto'
import type { Client, Grant, KoaContextWithOIDC, RefreshToken } from 'oidc-provider'
import type { BrokerSettings } from '../../config/dex/broker-settings.ts'
import type { OpenConnectors } from '../connectors/borrowed-connector.ts'
import { refresherOf } from '../connectors/connector.ts'
import { prolong } from '../store/prolong.ts'
import type { Store } from '../store/store.ts'
import type { BoundedRecords } from './bounded-records.ts'
import { mayServe } from './connector-grants.ts'
import type { Identities, KnownIdentity } from './identities.ts'

interface GrantOptions {
  readonly settings: BrokerSettings
  readonly connectors: OpenConnectors
  readonly identities: Identities
  readonly records: BoundedRecords
  readonly store: Store
  readonly now: () => number
}

/** Seconds. A refresh token without any limit of its own is kept for a year after its last use. */
const unlimited = 366 * 24 * 60 * 60

export class Grants {
  readonly #options: GrantOptions

  constructor(options: GrantOptions) {
    this.#options = options
  }

  /**
   * A grant of its own for every sign-in at an application, once the person has agreed where that is asked; undefined
   * where something is still to be asked. One grant for each, so that a replayed code ends what came from it, and a
   * second device does not end the first one's tokens (Dex's do).
   */
  async load(context: KoaContextWithOIDC): Promise<Grant | undefined> {
    const { identities } = this.#options
    const { session, client, provider, account } = context.oidc
    if (!session?.uid || !client || !account) return undefined
    restoreScope(context)
    if (isAsking(context) || !this.#hasAgreed(context)) return undefined
    if (context.oidc.result?.consent) rememberConsent(context)
    // Kept before the grant is: a token never stands without an identity.
    const grant = new provider.Grant({ clientId: client.clientId, accountId: account.accountId })
    grant.addOIDCScope(String(context.oidc.params?.['scope'] ?? 'openid'))
    grant.jti = randomBytes(24).toString('base64url')
    const known = account['known'] as KnownIdentity
    const life = this.#unredeemedLife()
    await identities.keepForGrant(grant.jti, known, {
      clientId: client.clientId,
      sessionUid: session.uid,
      expiresAt: this.#options.now() + life * 1000,
    })
    grant.exp = Math.floor(this.#options.now() / 1000) + life
    await grant.save()
    const octets = JSON.stringify(known.identity).length
    this.#options.records.granted(known.subject, { id: grant.jti, octets, life: life * 1000 })
    return grant
  }

  /** Whether a refresh token is given out: asked for, allowed, and the source can be asked again. */
  async mayRefresh(
    client: Client,
    source: { readonly grantId?: string | undefined; readonly scopes: Set<string> },
  ): Promise<boolean> {
    if (!client.grantTypeAllowed('refresh_token') || !source.scopes.has('offline_access')) return false
    const held = source.grantId === undefined ? undefined : await this.#options.identities.ofGrant(source.grantId)
    if (!held) return false
    using borrowed = await this.#options.connectors.borrow(held.known.connectorId)
    if (!borrowed || !refresherOf(borrowed.connector, held.known.identity)) return false
    return mayServe(borrowed, 'refresh_token')
  }

  /** Seconds that a browser session lasts from now on: until it is left unused, and never beyond its absolute end. */
  sessionLife(loginAt: number | undefined): number {
    const { absoluteLifetime, validIfNotUsedFor } = this.#options.settings.sessions
    const now = Math.floor(this.#options.now() / 1000)
    const left = (loginAt ?? now) + absoluteLifetime / 1000 - now
    const idle = validIfNotUsedFor === 0 ? left : validIfNotUsedFor / 1000
    return Math.max(1, Math.floor(Math.min(left, idle)))
  }

  /** Seconds: as long as anything of it may live. */
  grantLife(grant: Grant): number {
    const { expiry } = this.#options.settings
    const tokens = Math.ceil(expiry.idTokens / 1000) + 600
    const scope = grant.getOIDCScopeEncountered()
    return scope.split(' ').includes('offline_access') ? Math.max(tokens, this.#absolute()) : tokens
  }

  /** Seconds that a refresh token lives from now on (RFC 9700 §4.14.2): unused, and altogether since the sign-in. */
  refreshLife(token: RefreshToken): number {
    const { validIfNotUsedFor } = this.#options.settings.expiry.refreshTokens
    const now = Math.floor(this.#options.now() / 1000)
    const left = this.#absolute() - (now - (token.iiat ?? now))
    return Math.max(1, Math.floor(validIfNotUsedFor === 0 ? left : Math.min(left, validIfNotUsedFor / 1000)))
  }

  /**
   * After an answer of the token endpoint: a code that was shown with the wrong verifier or address is used up, so that
   * nobody tries again (RFC 9700 §4.5.3); a refresh token that is not rotated lives on from this use.
   */
  async afterToken(context: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> {
    await next()
    if (context.oidc?.route !== 'token') return
    const { params, client, provider } = context.oidc
    const { grant_type: grantType, code } = params ?? {}
    if (context.status === 400 && grantType === 'authorization_code' && client && typeof code === 'string') {
      const spoiled = await provider.AuthorizationCode.find(code)
      if (spoiled?.clientId === client.clientId && !('consumed' in spoiled && spoiled.consumed)) await spoiled.destroy()
    }
    if (context.status === 200 && grantType !== 'refresh_token') await this.#redeemed(context)
    const { refreshTokens } = this.#options.settings.expiry
    const used = context.oidc.entities.RefreshToken
    if (context.status === 200 && grantType === 'refresh_token' && used && refreshTokens.disableRotation) {
      used.exp = Math.floor(this.#options.now() / 1000) + this.refreshLife(used)
      await used.save()
    }
  }

  /**
   * The grant was made for as long as its code may wait; from now on it lives as long as its tokens may. Where it was
   * ended meanwhile, by somebody who showed the same code, it stays so.
   */
  async #redeemed({ oidc: { entities } }: KoaContextWithOIDC): Promise<void> {
    const { store, records, now } = this.#options
    const grant = entities.Grant
    if (!grant?.jti) return
    const [id, life] = [grant.jti, this.grantLife(grant)]
    const expiresAt = now() + life * 1000
    for (const kind of ['GrantIdentity', 'Grant']) await prolong(store, { kind, id, expiresAt })
    records.redeemed(grant.accountId ?? '', { id, life: life * 1000 })
  }

  /** Seconds. A code that nobody redeems leaves nothing behind: neither a code nor a device waits longer. */
  #unredeemedLife(): number {
    return Math.ceil(this.#options.settings.expiry.deviceRequests / 1000) + 600
  }

  #absolute(): number {
    const { absoluteLifetime } = this.#options.settings.expiry.refreshTokens
    return absoluteLifetime === 0 ? unlimited : Math.ceil(absoluteLifetime / 1000)
  }

  /** Consent: given just now, or not asked for at all, or given in this browser session for the same scopes. */
  #hasAgreed(context: KoaContextWithOIDC): boolean {
    const { result, params } = context.oidc
    if (result?.consent) return true
    if (params?.['approval_prompt'] === 'force') return false
    if (this.#options.settings.oauth2.skipApprovalScreen) return true
    return agreedScopes(context).includes(String(params?.['scope'] ?? ''))
  }
}

/** On the way back from a page the library drops scopes that are not its own; they were checked when the request came. */
function restoreScope({ oidc }: KoaContextWithOIDC): void {
  const { Interaction: attempt, DeviceCode: code } = oidc.entities
  const scope = code?.params?.['scope'] ?? attempt?.params['scope']
  if (typeof scope === 'string' && oidc.params) oidc.params['scope'] = scope
}

/** Something that the request wants is still to be asked, so that no grant is needed yet. */
function isAsking({ oidc }: KoaContextWithOIDC): boolean {
  return ['login', 'select_account', 'consent'].some((prompt) => oidc.promptPending(prompt))
}

/** What the person agreed to for this client in this browser session. */
function agreedScopes({ oidc }: KoaContextWithOIDC): readonly string[] {
  const { session, client } = oidc
  const authorization = client && session?.authorizations?.[client.clientId]
  const agreed = (authorization as { agreed?: unknown } | undefined)?.agreed
  return Array.isArray(agreed) ? agreed.filter((scope) => typeof scope === 'string') : []
}

/** Remembers a consent in the browser session, a few of them for each client. */
function rememberConsent({ oidc }: KoaContextWithOIDC): void {
  const { session, client, params } = oidc
  if (!session || !client) return
  const scope = String(params?.['scope'] ?? '')
  session.ensureClientContainer(client.clientId)
  const authorization = session.authorizations?.[client.clientId] as { agreed?: string[] } | undefined
  if (!authorization) return
  authorization.agreed = [...new Set([...(authorization.agreed ?? []), scope])].slice(-5)
}
