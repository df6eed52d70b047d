/**
 * RP-initiated sign-out (OpenID Connect RP-Initiated Logout 1.0) without a page in between: a browser that comes from
 * an application with a good ID token of the person signed in here is signed out and sent on. Anybody else is asked.
 */
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Users } from './users.ts'
import { type BrokerPages, pageHeaders } from './views.ts'

interface SignOutOptions {
  readonly users: Users
  readonly pages: BrokerPages
  readonly formTargets: readonly string[]
}

type Next = () => Promise<unknown>

export function signOutFeature({ users, pages, formTargets }: SignOutOptions) {
  const show = (context: KoaContextWithOIDC, view: Parameters<BrokerPages['render']>[0]) => {
    context.set({ ...pageHeaders(pages, formTargets) })
    context.body = pages.render(view)
  }

  return {
    sources: {
      /** Called where somebody is signed in here; the form is ours to write, and its secret lies in the session. */
      async logoutSource(context: KoaContextWithOIDC): Promise<void> {
        const { session, entities } = context.oidc
        const accountId = session?.accountId
        // Validated by the provider before: signature, issuer and audience; it may have expired (§2).
        if (accountId && entities.IdTokenHint?.payload['sub'] === accountId) {
          await endSession(context)
          goOn(context)
          return
        }
        show(context, {
          kind: 'sign-out',
          action: context.oidc.urlFor('end_session_confirm'),
          fields: { xsrf: String(session?.state?.['secret'] ?? ''), logout: 'yes' },
          name: (accountId && users.find(accountId)?.name) || 'somebody',
        })
      },
      async postLogoutSuccessSource(context: KoaContextWithOIDC): Promise<void> {
        show(context, { kind: 'signed-out' })
      },
    },

    /**
     * In two places the provider answers with a form that a script has to send: where nobody is signed in, and where
     * somebody else than before signs in. Both are done here instead.
     */
    async middleware(context: KoaContextWithOIDC, next: Next): Promise<void> {
      await next()
      if (!context.oidc || context.status !== 200) return
      const { route, session } = context.oidc
      if (route === 'end_session' && !session?.accountId) return goOn(context)
      if (route !== 'resume') return
      const resume = context.oidc.urlFor('resume', context['params'])
      if (session?.state?.['postLogoutRedirectUri'] !== resume) return
      await endSession(context)
      seeOther(context, resume)
    },
  }
}

async function endSession(context: KoaContextWithOIDC): Promise<void> {
  const { session, provider } = context.oidc
  if (!session) return
  for (const { grantId } of Object.values(session.authorizations ?? {})) {
    if (!grantId) continue
    await Promise.all([
      provider.AccessToken.revokeByGrantId(grantId),
      provider.RefreshToken.revokeByGrantId(grantId),
      provider.AuthorizationCode.revokeByGrantId(grantId),
    ])
    await (await provider.Grant.find(grantId))?.destroy()
  }
  await session.destroy()
  context.cookies.set(provider.cookieName('session'), null, { overwrite: true })
}

/** To the address that the provider has checked against those of the client, else to the page that says it is done. */
function goOn(context: KoaContextWithOIDC): void {
  const { post_logout_redirect_uri: target, state } = context.oidc.params ?? {}
  const url = new URL(typeof target === 'string' ? target : context.oidc.urlFor('end_session_success'))
  if (typeof target === 'string' && typeof state === 'string') url.searchParams.set('state', state)
  seeOther(context, url.href)
}

function seeOther(context: KoaContextWithOIDC, address: string): void {
  context.remove('content-security-policy')
  context.status = 303
  context.redirect(address)
  context.type = 'text'
  context.body = ''
}
