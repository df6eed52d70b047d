/** The question whether the application may know who signed in (`oauth2.skipApprovalScreen: false`). */
import type { Interaction } from 'oidc-provider'
import { audiencesOf } from '../provider/tokens.ts'
import { answer, parameterOf } from './attempt.ts'
import type { Attempts, SignInRequest } from './attempts.ts'
import { isFromElsewhere, refusesMethod, sendForeign, sendRedirect, sendView, takeForm } from './send.ts'

const wishes: Readonly<Record<string, string>> = {
  profile: 'your name and user name',
  email: 'your e-mail address',
  groups: 'the groups that you belong to',
  offline_access: 'all this again later, while you are away',
  'federated:id': 'your id at the directory or service behind this page',
}

export async function serveConsent(attempts: Attempts, asked: SignInRequest): Promise<void> {
  const { request, response, query } = asked
  const { issuer, audit } = attempts.options
  if (refusesMethod(request, response, ['GET', 'HEAD', 'POST'])) return
  const attempt = await attempts.find(asked, query.get('req'))
  if (attempt.prompt.name !== 'consent') return sendRedirect(response, attempt.returnTo)
  if (request.method !== 'POST') return show(attempts, asked, attempt)
  if (isFromElsewhere(request, issuer)) return sendForeign(asked, attempts.options)
  const fields = await takeForm(asked, attempts.options.pages)
  if (!fields) return
  if (fields.get('approval') === 'approve') return sendRedirect(response, await answer(attempt, { consent: {} }))
  audit({ outcome: 'refused', connector: '', login: '', address: asked.address, code: 'consent' })
  const error = { error: 'access_denied', error_description: 'the person did not agree' }
  sendRedirect(response, await answer(attempt, error))
}

async function show(attempts: Attempts, asked: SignInRequest, attempt: Interaction): Promise<void> {
  const { clients, identities, pages } = attempts.options
  const scopes = parameterOf(attempt, 'scope').split(' ')
  const peers = await Promise.all(audiencesOf(scopes).map(async (id) => (await clients.find(id))?.name || id))
  const uid = attempt.session?.uid
  const known = uid === undefined ? undefined : await identities.ofSession(uid)
  sendView(asked.response, pages, {
    status: 200,
    redirectUri: parameterOf(attempt, 'redirect_uri'),
    view: {
      kind: 'consent',
      client: { name: await attempts.clientName(attempt) },
      action: attempts.url('/approval', { req: attempt.uid }),
      fields: {},
      name: known?.identity.name || known?.identity.email || '',
      wishes: [...scopes.flatMap((scope) => wishes[scope] ?? []), ...peers.map((name) => `to act for you at ${name}`)],
    },
  })
}
