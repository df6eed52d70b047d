/**
 * RP-initiated sign-out (OpenID Connect RP-Initiated Logout 1.0) without a page in between: a browser that comes from
 * an application with a good ID token of the person signed in here is signed out and sent on. Anybody else is asked.
 * Applications that want to know are told (Back-Channel Logout 1.0).
 */
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Audit } from '../audit.ts'
import { cookiePathOf } from '../issuer.ts'
import type { Store } from '../store/store.ts'
import { type BrokerPages, type BrokerView, formTargetsOf, pageHeaders } from '../views.ts'
import type { Identities } from './identities.ts'
import type { SignOutHints } from './sign-out-hints.ts'

interface SignOutOptions {
  readonly identities: Identities
  readonly store: Store
  readonly pages: BrokerPages
  readonly audit: Audit
  readonly hints: SignOutHints
  report(message: string, error: unknown): void
}

type Next = () => Promise<unknown>

/** Kinds of records that a sign-out ends. */
const endedKinds = ['AccessToken', 'RefreshToken', 'AuthorizationCode', 'DeviceCode', 'Grant']

export function signOutFeature(options: SignOutOptions) {
  const { pages, identities, hints } = options
  const show = (context: KoaContextWithOIDC, view: BrokerView) => {
    context.set({ ...pageHeaders(pages, formTargetsOf(context.oidc.params?.['post_logout_redirect_uri'])) })
    context.body = pages.render(view)
  }

  return {
    sources: {
      /** Called where somebody is signed in here; the form is ours to write, and its secret lies in the session. */
      async logoutSource(context: KoaContextWithOIDC): Promise<void> {
        const { session } = context.oidc
        const accountId = session?.accountId
        if (accountId && hints.of(context)?.subject === accountId) {
          await endSession(context, options)
          goOn(context)
          return
        }
        const known = session && (await identities.ofSession(session.uid))
        show(context, {
          kind: 'sign-out',
          action: new URL(context.oidc.urlFor('end_session_confirm')).pathname,
          fields: { xsrf: String(session?.state?.['secret'] ?? ''), logout: 'yes' },
          name: known?.identity.name || known?.identity.email || 'somebody',
        })
      },
      async postLogoutSuccessSource(context: KoaContextWithOIDC): Promise<void> {
        show(context, { kind: 'signed-out' })
      },
    },

    /**
     * In two places the provider answers with a form that a script has to send: where nobody is signed in, and where
     * somebody else than before signs in. Both are done here instead. A confirmed sign-out ends what the session led to.
     */
    async middleware(context: KoaContextWithOIDC, next: Next): Promise<void> {
      await next()
      if (!context.oidc) return
      const { route, session } = context.oidc
      if (route === 'end_session_confirm' && session && context.status === 303 && context.oidc.params?.['logout'])
        return endTokens(session.uid, options)
      if (context.status !== 200) return
      if (route === 'end_session' && !session?.accountId) return goOn(context)
      if (route !== 'resume' && route !== 'device_resume') return
      const resume = context.oidc.urlFor(route, context['params'])
      if (session?.state?.['postLogoutRedirectUri'] !== resume) return
      await endSession(context, options)
      seeOther(context, resume)
    },
  }
}

async function endSession(context: KoaContextWithOIDC, options: SignOutOptions): Promise<void> {
  const { session, provider } = context.oidc
  if (!session) return
  const { accountId } = session
  if (accountId !== undefined) await tellApplications(context, { accountId, options })
  await endTokens(session.uid, options)
  options.audit({
    act: 'sign-out',
    outcome: 'done',
    address: context.ip,
    ...(context.oidc.client && { client: context.oidc.client.clientId }),
    ...(accountId !== undefined && { subject: accountId }),
  })
  await session.destroy()
  context.cookies.set(provider.cookieName('session'), null, { overwrite: true, path: cookiePathOf(provider.issuer) })
}

/** Everything that came from this browser session, at every application. */
async function endTokens(uid: string, { identities, store }: SignOutOptions): Promise<void> {
  await store.deleteBy(endedKinds, 'session', uid)
  await identities.forget('session', uid)
}

/** Back-channel logout, all at once; an application that does not answer keeps nobody signed in here. */
async function tellApplications(
  { oidc: { session, provider } }: KoaContextWithOIDC,
  { accountId, options }: { readonly accountId: string; readonly options: SignOutOptions },
): Promise<void> {
  const told = Object.keys(session?.authorizations ?? {}).map(async (clientId) => {
    const client = await provider.Client.find(clientId)
    const sid = session?.sidFor(clientId)
    if (client?.backchannelLogoutUri === undefined || sid === undefined) return
    await (client as unknown as Tellable).backchannelLogout(accountId, sid)
  })
  for (const { status, reason } of (await Promise.allSettled(told)) as PromiseRejectedResult[])
    if (status === 'rejected') options.report('an application was not told of a sign-out', reason)
}

interface Tellable {
  backchannelLogout(accountId: string, sid: string): Promise<void>
}

/** To the address that the provider has checked against those of the client, else to the page that says it is done. */
function goOn(context: KoaContextWithOIDC): void {
  const { post_logout_redirect_uri: target, state } = context.oidc.params ?? {}
  const url = new URL(typeof target === 'string' ? target : context.oidc.urlFor('end_session_success'))
  if (typeof target === 'string' && typeof state === 'string') url.searchParams.set('state', state)
  seeOther(context, url.href)
}

function seeOther(context: KoaContextWithOIDC, address: string): void {
  context.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
  context.status = 303
  context.redirect(address)
  context.type = 'text'
  context.body = ''
}
