/** The device flow's pages (RFC 8628): enter the code, compare it, done. No script, and nothing is entered by a link alone. */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import type { UserCodeGuesses } from '../guesses/user-code-guesses.ts'
import { type BrokerPages, type BrokerView, pageHeaders } from '../views.ts'

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>

/** A code that a link carries is shown in the field, and has to be sent by hand (RFC 8628 §5.4). */
export const prefilledCode = 'prefilled_code'

interface DeviceOptions {
  readonly pages: BrokerPages
  readonly userCodes: UserCodeGuesses
}

export function deviceFeature({ pages, userCodes }: DeviceOptions): DeviceFlow {
  const show = (context: KoaContextWithOIDC, view: BrokerView) => {
    context.set({ ...pageHeaders(pages, ['https:', 'http:']) })
    context.body = pages.render(view)
  }
  return {
    enabled: true,
    // Letters that nobody mixes up, and no words; as many as Dex has.
    charset: 'base-20',
    mask: '****-****',
    userCodeInputSource: async (context, _form, _out, error) => {
      if (error) userCodes.note(context, error)
      if (error && isUnkept(context)) return begin(context)
      const asked = context.query[prefilledCode]
      show(context, {
        kind: 'device-code',
        action: new URL(context.oidc.urlFor('code_verification')).pathname,
        fields: { xsrf: secretOf(context) },
        code: typeof asked === 'string' ? asked.slice(0, 20) : '',
        problem: error && problemOf(error.name),
      })
    },
    userCodeConfirmSource: async (context, _form, client, _info, code) => {
      show(context, {
        kind: 'device-confirm',
        action: new URL(context.oidc.urlFor('code_verification')).pathname,
        fields: { xsrf: secretOf(context), user_code: code, confirm: 'yes' },
        code,
        client: { name: client.clientName ?? client.clientId },
      })
    },
    successSource: async (context) => {
      const { client } = context.oidc
      show(context, { kind: 'device-done', client: { name: client?.clientName ?? client?.clientId ?? '' } })
    },
  }
}

/**
 * A form whose session is gone, or that another site has sent. The library cannot show it again: the secret that it
 * makes for that has no session to lie in.
 */
function isUnkept({ oidc }: KoaContextWithOIDC): boolean {
  return oidc.session !== undefined && oidc.session.exp === undefined
}

/** To the form from the start; the code that was typed stands in it. */
function begin(context: KoaContextWithOIDC): void {
  const { session, params } = context.oidc
  if (session) Object.assign(session, { touched: false })
  const code = params?.['user_code']
  const typed = typeof code === 'string' ? `?${new URLSearchParams({ user_code: code.slice(0, 20) })}` : ''
  context.status = 303
  context.redirect(new URL(context.oidc.urlFor('code_verification')).pathname + typed)
  context.body = ''
}

function secretOf({ oidc }: KoaContextWithOIDC): string {
  return String(oidc.session?.state?.['secret'] ?? '')
}

function problemOf(name: string): string {
  if (name === 'AbortedError') return 'You have stopped this sign-in. The device is told.'
  if (name === 'NoCodeError') return 'Enter the code that the device shows.'
  return 'That code is not known, or it has been used, or it took too long. Check it, or begin again on the device.'
}
