/** The page where the provider cannot send somebody back: what is wrong for the person, and the rest for an operator. */
import type { BrokerView } from '../views.ts'

/** As the library would answer a program. */
interface ErrorAnswer {
  readonly error: string
  readonly error_description?: string | undefined
}

type Problem = Extract<BrokerView, { kind: 'problem' }>

/** Attempts that are over, here and on the pages before. */
export const overView: Problem = {
  kind: 'problem',
  heading: 'This sign-in is over',
  text: 'It took too long, it was finished in another tab, it was begun in another browser, or this one keeps no cookies.',
  advice: 'Go back to the application and open it again.',
}

const texts: Readonly<Record<string, string>> = {
  invalid_client: 'The application that sent you here is not known to this sign-in service.',
  invalid_redirect_uri: 'The application wants its answer at an address that is not registered for it.',
  server_error: 'Something went wrong here.',
}

/** `route`: the library's name for the endpoint. */
export function errorView(
  { name }: Error,
  { out, route }: { readonly out: ErrorAnswer; readonly route: string | undefined },
): BrokerView {
  if (name === 'SessionNotFound') return overView
  const isLeaving = route?.startsWith('end_session') === true
  const { error, error_description: description } = out
  return {
    kind: 'problem',
    heading: `This sign-${isLeaving ? 'out' : 'in'} cannot go on`,
    text: texts[error] ?? 'The application that sent you here asks for something that cannot be done.',
    advice:
      error === 'server_error'
        ? 'Try again. If it happens again, tell the operator of this service.'
        : `Tell the operator of the application: ${error}${description === undefined ? '' : `, ${description}`}.`,
  }
}
