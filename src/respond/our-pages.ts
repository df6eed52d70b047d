/** The pages of our own paths as answers: what `endpoints/` shows, over the markup of `pages/`. */
import { catalog, type ErrorCode } from '../errors/catalog.ts'
import type { Visit } from '../listener/visit.ts'
import type { Session } from '../session/session.ts'
import type { Answer } from './answer.ts'
import { jsonAnswer, pageAnswer, textAnswer } from './answers.ts'
import { errorWord, retryAfterOf } from './error-answer.ts'
import type { Link } from './pages/parts.ts'
import { proceedPage } from './pages/proceed.ts'
import { signInProblemPage } from './pages/sign-in-problem.ts'
import { signedOutPage, signOutPage } from './pages/signing-out.ts'
import { whoAmIPage } from './pages/who-am-i.ts'
import { readerOf } from './reader.ts'

export interface OurPagesOptions {
  /** The operator's `set_response_headers`, a flat list. */
  readonly responseHeaders: readonly string[]
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

export interface SignInProblemModel {
  readonly code: ErrorCode
  readonly causes: readonly string[]
  readonly retryUrl: string | undefined
  readonly headers: readonly string[]
}

export interface SignOutModel {
  readonly action: string
  /** Goes into the hidden field `token`. */
  readonly token: string
  readonly formTargets: readonly string[]
  readonly session: Session | undefined
}

/** The answers of our own paths, for one configuration. */
export function compilePages({ responseHeaders, clock }: OurPagesOptions) {
  return {
    signOutQuestion(_visit: Visit, model: SignOutModel): Answer {
      const { action, token, formTargets, session } = model
      const confirm = { action, fields: { token }, text: 'Sign out' }
      const page = signOutPage({ who: session, confirm, stay: { href: '/.pomerium/', text: 'Stay signed in' } })
      return pageAnswer(page, { formTargets, responseHeaders })
    },

    signedOut(_visit: Visit, model: { readonly headers: readonly string[]; readonly wayBack?: Link }): Answer {
      return pageAnswer(signedOutPage({ wayBack: model.wayBack }), { headers: model.headers, responseHeaders })
    },

    whoAmI(
      visit: Visit,
      { session, signOutUrl }: { readonly session: Session | undefined; readonly signOutUrl: string },
    ): Answer {
      const shown = session && {
        ...session,
        groups: textsOf(session.flatClaims.get('groups')),
        claims: session.flatClaims,
        signedInAt: session.issuedAt,
        endsAt: session.expiresAt,
        sessionId: session.id,
        signOut: { href: signOutUrl, text: 'Sign out' },
      }
      return pageAnswer(whoAmIPage({ session: shown, requestId: visit.id, now: clock() }), { responseHeaders })
    },

    signInProblem(visit: Visit, { code, causes, retryUrl, headers }: SignInProblemModel): Answer {
      const { status, text, advice } = catalog[code]
      const options = { status, headers: [...headers, 'x-pomerium-intercepted-response', 'true'], responseHeaders }
      switch (readerOf(visit)) {
        case 'json':
          return jsonAnswer({ error: errorWord(status), code, text, causes, request_id: visit.id }, options)
        case 'text':
          return textAnswer(`${[text, ...causes, advice, `Request id: ${visit.id}`].join('\n')}\n`, options)
        case 'person': {
          const wayBack = retryUrl === undefined ? undefined : { href: retryUrl, text: 'Try again' }
          const retryAfter = retryAfterOf(headers)
          const page = { status, text, advice, code, causes, wayBack, retryAfter, requestId: visit.id, now: clock() }
          return pageAnswer(signInProblemPage(page), options)
        }
      }
    },

    proceed(
      _visit: Visit,
      { target, headers }: { readonly target: string; readonly headers: readonly string[] },
    ): Answer {
      return pageAnswer(proceedPage({ target }), { headers, responseHeaders })
    },
  }
}

function textsOf(values: readonly unknown[] | undefined): string[] {
  return (values ?? []).filter((value) => typeof value === 'string')
}
