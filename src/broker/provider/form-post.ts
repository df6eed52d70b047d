/** `response_mode=form_post` (OAuth 2.0 Form Post Response Mode): the answer in a form of our own page. */
import type { KoaContextWithOIDC } from 'oidc-provider'
import { type BrokerPages, formTargetsOf, pageHeaders } from '../views.ts'
import type { ProviderLibrary } from './oidc-library.ts'

type Send = (context: KoaContextWithOIDC, redirectUri: string, answer: object) => void

/** The library's provider with our page: it registers its own modes first, and takes no second one of the same name. */
export function providerWithOurForm({ Provider }: ProviderLibrary, pages: BrokerPages): typeof Provider {
  return class extends Provider {
    override registerResponseMode(
      ...[name, handler]: Parameters<InstanceType<typeof Provider>['registerResponseMode']>
    ) {
      super.registerResponseMode(name, name === 'form_post' ? (sendForm(pages) as typeof handler) : handler)
    }
  }
}

function sendForm(pages: BrokerPages): Send {
  return (context, redirectUri, answer) => {
    const { client } = context.oidc
    const fields = Object.entries(answer).map(([name, value]) => [name, String(value)])
    context.status = 200
    context.set({
      ...pageHeaders(pages, formTargetsOf(redirectUri), { sendsItself: true }),
      // Otherwise the form's Origin is null, which applications take for somebody else's.
      'referrer-policy': 'strict-origin',
    })
    context.body = pages.render({
      kind: 'answer',
      client: { name: client?.clientName ?? client?.clientId ?? 'the application' },
      action: redirectUri,
      fields: Object.fromEntries(fields),
    })
  }
}
