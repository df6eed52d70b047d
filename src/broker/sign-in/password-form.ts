/** The form for name and password. A wrong password, a directory that is away, and a wait are told apart. */
import type { Interaction } from 'oidc-provider'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { BorrowedConnector } from '../connectors/borrowed-connector.ts'
import { parameterOf, wantedScopes } from './attempt.ts'
import type { Attempts, SignInRequest } from './attempts.ts'
import { longestLogin } from './password-check.ts'
import { isFromElsewhere, refusesMethod, sendForeign, sendView, takeForm } from './send.ts'

interface Form {
  readonly attempt: Interaction
  readonly borrowed: BorrowedConnector
}

export async function servePasswordForm(attempts: Attempts, asked: SignInRequest, form: Form): Promise<void> {
  const { request, response } = asked
  const { issuer, rememberByDefault } = attempts.options
  if (refusesMethod(request, response, ['GET', 'HEAD', 'POST'])) return
  if (request.method !== 'POST') {
    const login = parameterOf(form.attempt, 'login_hint').slice(0, longestLogin)
    return show(attempts, asked, { ...form, login, remember: rememberByDefault, status: 200 })
  }
  if (isFromElsewhere(request, issuer)) return sendForeign(asked, attempts.options)
  const fields = await takeForm(asked, attempts.options.pages)
  if (!fields) return
  await check(attempts, asked, { ...form, fields })
}

async function check(
  attempts: Attempts,
  asked: SignInRequest,
  { attempt, borrowed, fields }: Form & { readonly fields: URLSearchParams },
): Promise<void> {
  const { audit, report, pages } = attempts.options
  const login = (fields.get('login') ?? '').slice(0, longestLogin + 1)
  const remember = fields.has('remember')
  const event = { connector: borrowed.id, login: login.slice(0, longestLogin), address: asked.address }
  const again = (status: number, problem: string, headers: Readonly<Record<string, string>> = {}) =>
    show(attempts, asked, { attempt, borrowed, login, remember, status, problem, headers })
  try {
    const checked = await attempts.passwords.check(
      { login, password: fields.get('password') ?? '', address: asked.address },
      { connectorId: borrowed.id, connector: borrowed.connector, scopes: wantedScopes(attempt) },
    )
    switch (checked.kind) {
      case 'right':
        return await attempts.finish(asked, { attempt, borrowed, identity: checked.identity, login, remember })
      case 'wrong':
        audit({ ...event, outcome: 'refused' })
        return await again(401, 'That name and password do not belong together.')
      case 'wait': {
        audit({ ...event, outcome: 'held-up' })
        const seconds = Math.ceil(checked.waitMs / 1000)
        return await again(
          429,
          `Too many tries with this name, or from where you are. Wait ${inWords(seconds)} and try again.`,
          {
            'retry-after': String(seconds),
          },
        )
      }
      case 'busy':
        audit({ ...event, outcome: 'held-up' })
        return await again(503, 'Too many people are signing in just now. Try again in a moment.', {
          'retry-after': '5',
        })
    }
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error
    report('a sign-in has failed', error, asked.requestId)
    audit({ ...event, outcome: 'failed', code: error.code })
    const { status, text, advice } = pages.failure(error.code)
    // Shown with the form: after a moment, or with another account, the next try may be good.
    await again(status, `${text} ${advice}`.trim(), status === 503 ? { 'retry-after': '5' } : {})
  }
}

async function show(
  attempts: Attempts,
  asked: SignInRequest,
  shown: Form & {
    readonly login: string
    readonly remember: boolean
    readonly status: number
    readonly problem?: string
    readonly headers?: Readonly<Record<string, string>>
  },
): Promise<void> {
  const { attempt, borrowed, login, remember, status, problem, headers } = shown
  const { connector } = borrowed
  const choices = await attempts.choices(attempt)
  sendView(asked.response, attempts.options.pages, {
    status,
    redirectUri: parameterOf(attempt, 'redirect_uri'),
    ...(headers && { headers }),
    view: {
      kind: 'sign-in',
      client: { name: await attempts.clientName(attempt) },
      action: attempts.loginUrl(borrowed.id, attempt.uid),
      prompt: connector.kind === 'password' ? connector.prompt : '',
      connector: choices.length > 1 ? borrowed.name : undefined,
      login,
      problem,
      remember,
      otherHref: choices.length > 1 ? attempts.url('/sign-in', { state: attempt.uid }) : undefined,
    },
  })
}

function inWords(seconds: number): string {
  if (seconds < 90) return seconds === 1 ? 'a second' : `${seconds} seconds`
  return `${Math.ceil(seconds / 60)} minutes`
}
