/**
 * `id_token_hint` at the sign-out endpoint (OpenID Connect RP-Initiated Logout 1.0 §2): verified here, since the
 * library knows tokens for one client only, and answers a hint that it cannot verify with an error. Whoever cannot be
 * believed is taken as somebody without a hint: the person is asked, and sent nowhere afterwards (§4).
 */
import type { IncomingMessage } from 'node:http'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { type JwtKey, readJwt, signJwt } from '../../crypto/sign-jwt.ts'
import { basePathOf } from '../issuer.ts'
import { readForm } from '../sign-in/send.ts'
import { brokerPaths } from './paths.ts'

/** Whom a verified hint is about. */
export interface SignOutHint {
  readonly clientId: string
  readonly subject: string
}

interface HintOptions {
  readonly issuer: string
  /** Newest first. */
  readonly keys: readonly JwtKey[]
}

/** A verified hint in a few words, between the POST that brought it and the GET after it. */
const shortType = 'sign-out-hint+jwt'
const shortLife = 60
/** An ID token with many groups. */
const formOctets = 128 * 1024
const taken = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state', 'logout_hint', 'ui_locales']

export class SignOutHints {
  readonly #options: HintOptions
  readonly #path: string
  readonly #hints = new WeakMap<IncomingMessage, SignOutHint>()

  constructor(options: HintOptions) {
    this.#options = options
    this.#path = basePathOf(options.issuer) + brokerPaths.end_session
  }

  /** The verified hint of a request, if it has one. */
  of(context: KoaContextWithOIDC): SignOutHint | undefined {
    return this.#hints.get(context.req)
  }

  /** Koa middleware around the library: what is handed on has a client and no hint. */
  readonly middleware = async (context: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<unknown> => {
    if (context.path !== brokerPaths.end_session) return next()
    if (context.method === 'POST') return this.#goByGet(context)
    const asked = new URLSearchParams(context.querystring)
    const text = asked.get('id_token_hint')
    if (text !== null) {
      const hint = asked.getAll('id_token_hint').length === 1 ? await this.#read(text, { asked, context }) : undefined
      asked.delete('id_token_hint')
      if (hint) {
        this.#hints.set(context.req, hint)
        asked.set('client_id', hint.clientId)
      } else for (const name of ['post_logout_redirect_uri', 'state']) asked.delete(name)
      context.querystring = String(asked)
      // The library finds the issuer's path by what the two have in common.
      Object.assign(context.req, { originalUrl: this.#path + context.querystring.replace(/^(?=.)/, '?') })
    }
    return next()
  }

  /**
   * §2 wants POST, too. It comes from another site, without our cookies (SameSite=Lax), so the browser is sent to ask
   * again by itself; a long token shrinks to what was verified of it.
   */
  async #goByGet(context: KoaContextWithOIDC): Promise<void> {
    const form = await readForm(context.req, formOctets)
    const asked = new URLSearchParams()
    for (const [name, value] of form ?? []) if (taken.includes(name)) asked.append(name, value)
    const text = asked.get('id_token_hint')
    if (text !== null) {
      const hint = await this.#read(text, { asked, context })
      asked.set('id_token_hint', hint ? this.#shorten(hint) : '')
    }
    context.status = 303
    context.set({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    context.redirect(`${this.#path}?${asked}`)
    context.body = ''
  }

  #shorten({ clientId, subject }: SignOutHint): string {
    const [key] = this.#options.keys
    if (!key) throw new Error('cannot sign: there is no key')
    const exp = Math.floor(Date.now() / 1000) + shortLife
    return signJwt({ iss: this.#options.issuer, sub: subject, aud: clientId, exp }, key, shortType)
  }

  async #read(
    text: string,
    { asked, context }: { readonly asked: URLSearchParams; readonly context: KoaContextWithOIDC },
  ): Promise<SignOutHint | undefined> {
    const short = readJwt(text, this.#options.keys, shortType)
    if (short && Number(short['exp']) > Date.now() / 1000) return hintOf(short, asked)
    const claims = claimsIn(text)
    const hint = claims && hintOf(claims, asked)
    return hint && (await isOurs(text, hint, context)) ? hint : undefined
  }
}

/** Kind, signature, issuer and audience; it may have expired (§2). */
async function isOurs(text: string, { clientId }: SignOutHint, { app }: KoaContextWithOIDC): Promise<boolean> {
  const { Client, IdToken } = app as unknown as Library
  const client = await Client.find(clientId)
  if (!client) return false
  try {
    await IdToken.validate(text, client)
    return true
  } catch {
    return false
  }
}

/** The parts of the library that judge a token. */
interface Library {
  readonly Client: { find(id: string): Promise<unknown> }
  readonly IdToken: { validate(text: string, client: unknown): Promise<unknown> }
}

/**
 * A token for several clients (Dex's cross-client scopes) was made for `azp`; another one of its audience has to say
 * that it is the one.
 */
function hintOf(claims: Readonly<Record<string, unknown>>, asked: URLSearchParams): SignOutHint | undefined {
  const { sub, aud, azp } = claims
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  const named = asked.get('client_id')
  const clientId = named ?? (audiences.length === 1 ? audiences[0] : azp)
  if (typeof sub !== 'string' || typeof clientId !== 'string' || !audiences.includes(clientId)) return undefined
  return { clientId, subject: sub }
}

function claimsIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
