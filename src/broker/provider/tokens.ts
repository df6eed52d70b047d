/**
 * The shape of tokens, where it is Dex's and not the library's: an access token is a signed JWT with the user's claims
 * (of type `at+jwt`, so that none passes for an ID token), and either kind may be for several clients.
 */
import { randomBytes } from 'node:crypto'
import type { default as Provider } from 'oidc-provider'
import { type JwtKey, readJwt, signJwt } from '../../crypto/sign-jwt.ts'
import { claimsFor } from './accounts.ts'
import { claimsOfScopes } from './claims.ts'
import { type ClientBook, mayRedirectTo, rulesOf } from './client-book.ts'
import type { Identities } from './identities.ts'

export interface TokenOptions {
  readonly provider: Provider
  readonly clients: ClientBook
  readonly identities: Identities
  /** Newest first. */
  readonly keys: readonly JwtKey[]
}

/** RFC 9068 §2.1. */
const accessTokenType = 'at+jwt'

/** Dex's scope that makes a token for another client, too. */
const audienceScope = 'audience:server:client_id:'

export function audiencesOf(scopes: Iterable<string>): readonly string[] {
  return [...scopes]
    .filter((scope) => scope.startsWith(audienceScope))
    .map((scope) => scope.slice(audienceScope.length))
}

/** The id under which an access token is kept; undefined where the text is none of ours. */
function accessTokenId(text: string, keys: readonly JwtKey[]): string | undefined {
  const id = readJwt(text, keys, accessTokenType)?.['jti']
  return typeof id === 'string' ? id : undefined
}

/**
 * Gives the tokens of `provider` their shape. The library keeps and judges them under their ids as before. Returns how
 * an access token is handed to an endpoint that takes ids only: in a form that nobody outside can make, since the id
 * alone, which stands in each token, must open nothing.
 */
export function shapeTokens(options: TokenOptions): (text: string) => string {
  const { provider, keys, clients } = options
  const inside = `id ${randomBytes(24).toString('base64url')} `
  const { AccessToken, IdToken, Client } = provider as unknown as Shaped
  const find = AccessToken.find
  AccessToken.find = async function (text, more) {
    const isInside = typeof text === 'string' && text.startsWith(inside)
    const id = isInside ? text.slice(inside.length) : typeof text === 'string' ? accessTokenId(text, keys) : undefined
    return id === undefined ? undefined : find.call(this, id, more)
  }
  const save = AccessToken.prototype.save
  AccessToken.prototype.save = async function (ttl) {
    const id = await save.call(this, ttl)
    this.signed = await signAccessToken(this, id, options)
    return this.signed
  }
  const issue = IdToken.prototype.issue
  IdToken.prototype.issue = async function (more) {
    const { client, ctx } = this
    if (more?.use !== 'idtoken') return issue.call(this, more)
    // Dex binds an ID token to what came with it; the library does so only outside of the code flow (Core §3.1.3.6).
    const { AccessToken: access, AuthorizationCode: code } = ctx?.oidc.entities ?? {}
    if (access?.signed !== undefined) this.set('at_hash', access.signed)
    if (code) this.set('c_hash', code.jti)
    const { clientId } = client
    const audiences = await trustingClients(audiencesOf((this.scope ?? '').split(' ')), { clientId, clients })
    if (audiences.length === 0) return issue.call(this, more)
    this.set('azp', client.clientId)
    // The library asks the client for nothing else but its name and algorithms here.
    this.client = Object.create(client, { clientId: { value: [...audiences, client.clientId] } })
    try {
      return await issue.call(this, more)
    } finally {
      this.client = client
    }
  }
  const validate = IdToken.validate
  // Access tokens and logout tokens bear our signature, too, and go to servers that may hint at nobody (RFC 8725 §3.11).
  IdToken.validate = async function (text, client) {
    const token = await validate.call(this, text, client)
    const { typ } = token.header
    if (typ !== undefined && typ !== 'JWT') throw new Error('cannot take a hint: it is no ID token')
    return token
  }
  Client.prototype.redirectUriAllowed = function (uri) {
    return mayRedirectTo(rulesOf(this), uri)
  }
  // Always told: signing out names the session by it.
  Client.prototype.includeSid = () => true
  Client.prototype.postLogoutRedirectUriAllowed = function (uri) {
    return rulesOf(this).postLogoutRedirectURIs.includes(uri)
  }
  return (text) => {
    const id = accessTokenId(text, keys)
    return id === undefined ? text : inside + id
  }
}

async function signAccessToken(token: AccessTokenLike, id: string, options: TokenOptions): Promise<string> {
  const { clients, identities, provider, keys } = options
  const [key] = keys
  if (!key) throw new Error('cannot sign: there is no key')
  const client = await clients.find(token.clientId)
  const held = token.grantId === undefined ? undefined : await identities.ofGrant(token.grantId)
  const scopes = (token.scope ?? '').split(' ').filter(Boolean)
  const { clientId } = token
  const audiences = await trustingClients(audiencesOf(scopes), { clientId, clients })
  const now = Math.floor(Date.now() / 1000)
  return signJwt(
    {
      iss: provider.issuer,
      sub: token.accountId,
      aud: audiences.length > 0 ? [...audiences, token.clientId] : token.clientId,
      ...(audiences.length > 0 && { azp: token.clientId }),
      exp: token.exp ?? now + token.expiration,
      iat: now,
      jti: id,
      client_id: token.clientId,
      scope: token.scope,
      ...(held && pickClaims(claimsFor(held.known, client), scopes)),
    },
    key,
    accessTokenType,
  )
}

/** The claims that these scopes bring. */
export function pickClaims(claims: Record<string, unknown>, scopes: readonly string[]): Record<string, unknown> {
  const names = scopes.flatMap((scope) =>
    Object.hasOwn(claimsOfScopes, scope) ? claimsOfScopes[scope as keyof typeof claimsOfScopes] : [],
  )
  return Object.fromEntries(names.filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]))
}

/** Those of `audiences` that still trust the client: trust may have been withdrawn since the sign-in. */
export async function trustingClients(
  audiences: readonly string[],
  { clientId, clients }: { readonly clientId: string; readonly clients: ClientBook },
): Promise<readonly string[]> {
  const judged = await Promise.all(
    audiences.map(async (id) => {
      const peer = await clients.find(id)
      return id !== clientId && peer?.trustedPeers.includes(clientId) ? id : undefined
    }),
  )
  return judged.filter((id) => id !== undefined)
}

/** Whether a token was made for the client: at its own wish, or at that of another one whom it trusts. */
export async function isFor(
  token: { readonly kind: string; readonly clientId?: string | undefined; readonly scopes?: Set<string> },
  { clientId, clients }: { readonly clientId: string; readonly clients: ClientBook },
): Promise<boolean> {
  if (token.clientId === clientId) return true
  const isNamed = token.kind === 'AccessToken' && audiencesOf(token.scopes ?? []).includes(clientId)
  return isNamed && (await trustingClients([clientId], { clientId: token.clientId ?? '', clients })).length > 0
}

interface AccessTokenLike {
  readonly accountId: string
  readonly clientId: string
  readonly grantId: string | undefined
  readonly scope: string | undefined
  readonly exp: number | undefined
  readonly expiration: number
  /** As it was given out. */
  signed?: string
  save(ttl?: number): Promise<string>
}

interface Issued {
  readonly AccessToken?: { readonly signed?: string }
  readonly AuthorizationCode?: { readonly jti: string }
}

interface IdTokenLike {
  readonly scope: string | undefined
  client: { readonly clientId: string }
  readonly ctx: { readonly oidc: { readonly entities: Issued } } | undefined
  set(claim: string, value: unknown): void
  issue(options?: { use?: string }): Promise<string>
}

/** The parts of the library's classes that are shaped here. */
interface Shaped {
  readonly AccessToken: {
    find(text: unknown, options?: object): Promise<unknown>
    readonly prototype: AccessTokenLike
  }
  readonly IdToken: {
    validate(text: string, client: unknown): Promise<{ readonly header: { readonly typ?: unknown } }>
    readonly prototype: IdTokenLike
  }
  readonly Client: {
    readonly prototype: {
      redirectUriAllowed(uri: string): boolean
      includeSid(): boolean
      postLogoutRedirectUriAllowed(uri: string): boolean
    }
  }
}
