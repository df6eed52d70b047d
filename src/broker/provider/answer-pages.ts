/**
 * How an answer reaches an application where no redirect takes it there: in a form of our own page
 * (`response_mode=form_post`, OAuth 2.0 Form Post Response Mode), or shown to the person, who carries it over.
 */
import type { KoaContextWithOIDC } from 'oidc-provider'
import { type BrokerPages, formTargetsOf, pageHeaders } from '../views.ts'
import { outOfBand } from './client-book.ts'
import type { ProviderLibrary } from './oidc-library.ts'

type Answer = Readonly<Record<string, unknown>>
type Send = (context: KoaContextWithOIDC, redirectUri: string, answer: Answer) => unknown

/** The library's provider with our pages: it registers its own modes first, and takes no second one of the same name. */
export function providerWithOurPages({ Provider }: ProviderLibrary, pages: BrokerPages): typeof Provider {
  return class extends Provider {
    override registerResponseMode(
      ...[name, handler]: Parameters<InstanceType<typeof Provider>['registerResponseMode']>
    ) {
      const send = (name === 'form_post' ? sendForm(pages) : handler) as Send
      const show = showCode(pages)
      const either: Send = (context, redirectUri, answer) =>
        (redirectUri === outOfBand ? show : send).call(this, context, redirectUri, answer)
      super.registerResponseMode(name, either as typeof handler)
    }
  }
}

function sendForm(pages: BrokerPages): Send {
  return (context, redirectUri, answer) => {
    const fields = Object.entries(answer).map(([name, value]) => [name, String(value)])
    context.status = 200
    context.set({
      ...pageHeaders(pages, formTargetsOf(redirectUri), { sendsItself: true }),
      // Otherwise the form's Origin is null, which applications take for somebody else's.
      'referrer-policy': 'strict-origin',
    })
    context.body = pages.render({
      kind: 'answer',
      client: { name: nameOfClient(context) },
      action: redirectUri,
      fields: Object.fromEntries(fields),
    })
  }
}

/** For installed applications that no browser can open (`urn:ietf:wg:oauth:2.0:oob`): the code is copied by hand. */
function showCode(pages: BrokerPages): Send {
  return (context, _redirectUri, { code, error, error_description: description }) => {
    const name = nameOfClient(context)
    context.status = code === undefined ? 400 : 200
    context.set({ ...pageHeaders(pages, []) })
    context.body = pages.render(
      code === undefined
        ? {
            kind: 'problem',
            heading: 'This sign-in cannot go on',
            text: `${name} gets no code.`,
            advice: `Go back to it and begin again, or tell its operator: ${error}${description === undefined ? '' : `, ${description}`}.`,
          }
        : { kind: 'code', client: { name }, code: String(code) },
    )
  }
}

function nameOfClient({ oidc: { client } }: KoaContextWithOIDC): string {
  return client?.clientName ?? client?.clientId ?? 'the application'
}
