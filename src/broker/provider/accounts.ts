/** The provider's question "who is this?", answered from what was kept at the sign-in, and asked again of the source. */
import type { Account, FindAccount, KoaContextWithOIDC } from 'oidc-provider'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { OpenConnectors } from '../connectors/borrowed-connector.ts'
import { refresherOf } from '../connectors/connector.ts'
import { claimsOf } from './claims.ts'
import { allowsConnector, type BrokerClient, type ClientBook } from './client-book.ts'
import { type ConnectorGrant, grantOfPage, mayServe } from './connector-grants.ts'
import { type Identities, type KnownIdentity, readKnown } from './identities.ts'
import type { ProviderErrors } from './oidc-library.ts'
import { isInGrace } from './refresh-grace.ts'
import { sourceAway } from './source-away.ts'

export interface AccountOptions {
  readonly identities: Identities
  readonly connectors: OpenConnectors
  readonly clients: ClientBook
  readonly errors: ProviderErrors
  readonly now: () => number
  /** How long a browser session lasts at most, milliseconds. */
  readonly sessionLife: number
  /** How long a used refresh token may be shown once more, milliseconds. */
  readonly reuseInterval: number
  /** Told where a source could not be asked, or has said that somebody is out. */
  report(error: unknown, context: { readonly connector: string; readonly subject: string }): void
}

/** A session's identity that is older than this is asked again before it opens another application, milliseconds. */
const freshFor = 60_000
/** How long a source may take to answer, milliseconds. */
const sourceLimit = 15_000

export class Accounts {
  readonly #options: AccountOptions

  constructor(options: AccountOptions) {
    this.#options = options
  }

  /** oidc-provider's `findAccount`. Undefined ends what is under way: the provider then asks for a new sign-in. */
  readonly find: FindAccount = async (context, subject, token) => {
    const known = await this.#knownFor(context, token)
    return known?.subject === subject ? this.#account(context, known) : undefined
  }

  async #knownFor(context: KoaContextWithOIDC, token: Parameters<FindAccount>[2]): Promise<KnownIdentity | undefined> {
    const { identities } = this.#options
    const grantId = token && 'grantId' in token ? token.grantId : undefined
    if (token) {
      const held = grantId === undefined ? undefined : await identities.ofGrant(grantId)
      if (!held) return undefined
      const isRefresh = token.kind === 'RefreshToken' && context.oidc?.params?.['grant_type'] === 'refresh_token'
      if (!isRefresh) return held.known
      if ('consumed' in token && token.consumed) {
        // Shown once more within its grace: stopped here, before the library ends the whole family.
        if (isInGrace(token, { interval: this.#options.reuseInterval, now: this.#options.now() }))
          throw new this.#options.errors.InvalidGrant('refresh token already used')
        return held.known
      }
      // The client may have been kept to other connectors since.
      if (!(await this.#mayUse(context, { known: held.known, grant: 'refresh_token' })))
        throw new this.#options.errors.InvalidGrant('the account may not sign in any more')
      const known = await this.#refreshed(held.known)
      // The source may have taken its time: who was signed out meanwhile stays so.
      if (!(await identities.renewForGrant(grantId ?? '', known)))
        throw new this.#options.errors.InvalidGrant('the grant has ended meanwhile')
      return known
    }
    return this.#ofSession(context)
  }

  /** Who the browser's session is: just signed in, or known from before and asked again. */
  async #ofSession(context: KoaContextWithOIDC): Promise<KnownIdentity | undefined> {
    const { identities, now, sessionLife } = this.#options
    const uid = context.oidc.session?.uid
    if (uid === undefined) return undefined
    const result = context.oidc.result
    const justNow = result?.login ? readKnown(result['identity']) : undefined
    if (justNow) {
      await identities.keepForSession(uid, justNow, now() + sessionLife)
      return justNow
    }
    const known = await identities.ofSession(uid)
    if (known && !(await this.#mayUse(context, { known, grant: grantOfPage(context.oidc.route) }))) return undefined
    if (!known || now() - known.checkedAt < freshFor) return known
    try {
      const fresh = await this.#ask(known)
      await identities.keepForSession(uid, fresh, now() + sessionLife)
      return fresh
    } catch (error) {
      this.#report(error, known)
      // The person is out: whoever sits there signs in again. Where nothing is known the error goes on, to a page.
      if (isAboutAccount(error)) return undefined
      throw this.#away()
    }
  }

  /** A session that came through another connector than this request may use is none for it. */
  async #mayUse(
    { oidc }: KoaContextWithOIDC,
    { known: { connectorId }, grant }: { readonly known: KnownIdentity; readonly grant: ConnectorGrant },
  ): Promise<boolean> {
    const connector = this.#options.connectors.list().find(({ id }) => id === connectorId)
    if (connector && !mayServe(connector, grant)) return false
    const client = await this.#options.clients.find(oidc.client?.clientId ?? '')
    const named = oidc.params?.['connector_id']
    return allowsConnector(client, connectorId) && (named === undefined || named === connectorId)
  }

  /** For the token endpoint: the answer of the source, or the error that the application has to get. */
  async #refreshed(known: KnownIdentity): Promise<KnownIdentity> {
    const { errors } = this.#options
    try {
      return await this.#ask(known)
    } catch (error) {
      this.#report(error, known)
      if (isAboutAccount(error)) throw new errors.InvalidGrant('the account may not sign in any more')
      throw this.#away()
    }
  }

  async #ask(known: KnownIdentity): Promise<KnownIdentity> {
    const { connectors, now } = this.#options
    using borrowed = await connectors.borrow(known.connectorId)
    if (!borrowed) throw new ProxyError('ACCOUNT_GONE', `cannot refresh ${known.subject}: its connector is gone`)
    const { connector, renameGroups } = borrowed
    if (!refresherOf(connector, known.identity)) return known
    const identity = await connector.refresh?.(known.identity, {
      scopes: { groups: true, offlineAccess: true },
      signal: AbortSignal.timeout(sourceLimit),
    })
    if (identity?.userId !== known.identity.userId)
      throw new ProxyError('ACCOUNT_GONE', `cannot refresh ${known.subject}: the source answers about somebody else`)
    return { ...known, identity: { ...identity, groups: renameGroups(identity.groups) }, checkedAt: now() }
  }

  #away(): Error {
    return sourceAway(this.#options.errors, 'the directory behind this service cannot be reached, try again')
  }

  #report(error: unknown, { connectorId, subject }: KnownIdentity): void {
    this.#options.report(error, { connector: connectorId, subject })
  }

  #account(context: KoaContextWithOIDC, known: KnownIdentity): Account {
    const { clients } = this.#options
    return {
      accountId: known.subject,
      known,
      async claims() {
        const client = await clients.find(context.oidc.client?.clientId ?? '')
        return { sub: known.subject, ...claimsFor(known, client) }
      },
    }
  }
}

/** All claims of a user as one application may see them. */
export function claimsFor(known: KnownIdentity, client: BrokerClient | undefined): Record<string, unknown> {
  const { identity, connectorId } = known
  return claimsOf(identity, { connectorId, groups: client?.renameGroups(identity.groups) ?? identity.groups })
}

const aboutAccount = /^(?:ACCOUNT_|CONNECTOR_REFUSED$)/

function isAboutAccount(error: unknown): boolean {
  return error instanceof ProxyError && aboutAccount.test(error.code)
}
