/** Every failure we can name, one row each; docs/errors.md is printed from it. Only respond/ reads a row's text. */

interface Row {
  readonly status: number
  /** Level of the log line. */
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** The sentence the client reads. */
  readonly text: string
  /** What the person (or operator) can do. */
  readonly advice: string
}

const row = (status: number, level: Row['level'], text: string, advice = ''): Row => ({ status, level, text, advice })

export const catalog = {
  // listener
  REQUEST_MALFORMED: row(400, 'info', 'The request is not well formed.', 'Check the program that sent it.'),
  // route
  ROUTE_NOT_FOUND: row(404, 'info', 'There is no application at this address.', 'Check the address.'),
  // policy
  SIGN_IN_REQUIRED: row(401, 'info', 'Sign in to use this application.', 'Open the sign-in address in a browser.'),
  POLICY_DENIED: row(
    403,
    'info',
    'You are signed in, but this application is not open to you.',
    'Ask whoever runs it for access.',
  ),
  // forward
  UPSTREAM_UNREACHABLE: row(502, 'warn', 'The application cannot be reached.', 'Try again in a moment.'),
  // anything else
  INTERNAL: row(500, 'error', 'Something went wrong on our side.', 'Try again; tell the operator the request id.'),
} as const satisfies Record<string, Row>

export type ErrorCode = keyof typeof catalog
