/** The choice among several connectors. */
import type { Interaction } from 'oidc-provider'
import { parameterOf } from './attempt.ts'
import type { Attempts, SignInRequest } from './attempts.ts'
import { refusesMethod, sendView } from './send.ts'

export async function serveChoice(attempts: Attempts, asked: SignInRequest, attempt: Interaction): Promise<void> {
  if (refusesMethod(asked.request, asked.response, ['GET', 'HEAD'])) return
  const { pages } = attempts.options
  const connectors = await attempts.choices(attempt)
  const redirectUri = parameterOf(attempt, 'redirect_uri')
  if (connectors.length === 0) {
    return sendView(asked.response, pages, {
      status: 503,
      view: {
        kind: 'problem',
        heading: 'Nobody can sign in here yet',
        text: 'There is no connector: no directory and no service that knows people.',
        advice: 'The operator adds one to the configuration, or with “ostiary idp create-connector”.',
        requestId: asked.requestId,
      },
    })
  }
  sendView(asked.response, pages, {
    status: 200,
    redirectUri,
    view: {
      kind: 'choose',
      client: { name: await attempts.clientName(attempt) },
      connectors: connectors.map(({ id, name }) => ({ name, href: attempts.loginUrl(id, attempt.uid) })),
    },
  })
}
