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
  HOST_INVALID: row(400, 'info', 'The request does not name one valid host.', 'Check the address.'),
  TARGET_INVALID: row(400, 'info', 'The address of the request is not well formed.', 'Check the address.'),
  ESCAPED_SLASH: row(400, 'info', 'The path holds an escaped slash, which is not accepted here.', 'Check the address.'),
  HEADER_UNDERSCORE: row(400, 'info', 'A header name holds an underscore, which is not accepted here.'),
  FRAMING_INVALID: row(400, 'info', 'The length of the request is ambiguous.', 'Check the program that sent it.'),
  FORWARDED_INVALID: row(400, 'warn', 'The proxy in front says who asks in a form that we cannot read.'),
  UPGRADE_INVALID: row(400, 'info', 'The WebSocket handshake is not well formed.', 'Check the program that sent it.'),
  METHOD_REFUSED: row(405, 'info', 'This method is not accepted here.'),
  REQUEST_TIMEOUT: row(408, 'info', 'The request did not arrive in time.', 'Try again.'),
  EXPECT_UNSUPPORTED: row(417, 'info', 'The request expects something that is not known here.'),
  HEADERS_TOO_MANY: row(431, 'info', 'The headers of the request are too many or too long.', 'Clear the cookies.'),
  TRANSFER_CODING_UNSUPPORTED: row(501, 'info', 'The transfer coding of the request is not known here.'),
  VERSION_UNSUPPORTED: row(505, 'info', 'This version of HTTP is not spoken here.'),
  PATH_REWRITTEN: row(307, 'debug', 'The address is written another way.'),
  // route
  ROUTE_NOT_FOUND: row(404, 'info', 'There is no application at this address.', 'Check the address.'),
  // session
  SESSION_TOO_LARGE: row(
    500,
    'error',
    'You belong to more groups than a session can carry here.',
    'Tell the operator: the provider can be asked to send fewer.',
  ),
  // identity
  PROVIDER_UNREACHABLE: row(503, 'warn', 'The sign-in service cannot be reached.', 'Try again in a moment.'),
  PROVIDER_INVALID: row(
    502,
    'error',
    'The sign-in service is not set up as expected.',
    'Tell the operator the request id.',
  ),
  PROVIDER_REFUSED: row(401, 'info', 'The sign-in service did not sign you in.', 'Try again, or as somebody else.'),
  TOKEN_INVALID: row(
    502,
    'warn',
    'The sign-in service answered with something that cannot be trusted.',
    'Try again; if it stays so, tell the operator the request id.',
  ),
  // broker: the connectors
  CONNECTOR_UNREACHABLE: row(
    503,
    'warn',
    'The directory or service that knows you cannot be reached just now.',
    'Try again in a moment. Your password was not judged.',
  ),
  CONNECTOR_MISCONFIGURED: row(
    500,
    'error',
    'This way of signing in is not set up as it should be.',
    'Tell the operator the request id.',
  ),
  CONNECTOR_REFUSED: row(403, 'info', 'The service did not sign you in.', 'Try again, or as somebody else.'),
  CONNECTOR_ANSWER_INVALID: row(
    502,
    'warn',
    'The service answered with something that cannot be trusted.',
    'Try again; if it stays so, tell the operator the request id.',
  ),
  ACCOUNT_WITHOUT_EMAIL: row(
    403,
    'warn',
    'Your account lacks an e-mail address.',
    'Ask whoever keeps the directory to enter one.',
  ),
  ACCOUNT_INCOMPLETE: row(
    403,
    'warn',
    'Your account lacks something that is needed here.',
    'Ask whoever keeps the directory; the request id tells them what.',
  ),
  ACCOUNT_AMBIGUOUS: row(
    403,
    'warn',
    'More than one account goes by that name.',
    'Contact the administrator: the accounts have to be told apart.',
  ),
  ACCOUNT_DISABLED: row(403, 'info', 'Your account is disabled or locked.', 'Ask whoever keeps the directory.'),
  ACCOUNT_GONE: row(403, 'info', 'Your account is not there any more.', 'Sign in again, or ask the operator.'),
  ACCOUNT_NOT_ALLOWED: row(
    403,
    'info',
    'Your account may not sign in here.',
    'It is not in the groups or domains that may. Ask the operator.',
  ),
  ACCOUNT_EMAIL_UNVERIFIED: row(
    403,
    'info',
    'The e-mail address of your account is not verified.',
    'Verify it where the account is kept, then sign in again.',
  ),
  BROKER_STORE_FAILED: row(503, 'error', 'The sign-in service cannot reach its store.', 'Try again in a moment.'),
  // endpoints
  ENDPOINT_NOT_FOUND: row(404, 'info', 'There is nothing at this address.', 'Check the address.'),
  SIGN_IN_LINK_INVALID: row(
    400,
    'info',
    'This sign-in address was not made by us.',
    'Go to the application itself; it sends you to sign in.',
  ),
  SIGN_IN_LINK_EXPIRED: row(
    400,
    'info',
    'This sign-in took too long, or the clocks of our servers differ.',
    'Go to the application again.',
  ),
  CALLBACK_INVALID: row(
    400,
    'info',
    'This answer of the sign-in service belongs to no sign-in of ours.',
    'Go to the application again.',
  ),
  HAND_OVER_INVALID: row(
    400,
    'info',
    'This sign-in was not meant for this place, or was used already.',
    'Go to the application again.',
  ),
  COOKIES_LOST: row(
    400,
    'warn',
    'Your browser did not keep the cookies of the sign-in.',
    'Allow cookies for this site and try again.',
  ),
  FORM_INVALID: row(400, 'info', 'The form was not sent as expected.', 'Go back and try again.'),
  // policy
  SIGN_IN_REQUIRED: row(401, 'info', 'Sign in to use this application.', 'Open the sign-in address in a browser.'),
  POLICY_DENIED: row(
    403,
    'info',
    'You are signed in, but this application is not open to you.',
    'Ask whoever runs it for access.',
  ),
  // forward
  UPGRADE_ORIGIN: row(403, 'warn', 'A page of another site tried to open a connection to this application.'),
  UPGRADE_REFUSED: row(403, 'info', 'This application takes no WebSocket connections.'),
  UPSTREAM_INVALID: row(502, 'warn', 'The application gave an answer that cannot be passed on.', 'Try again.'),
  UPSTREAM_OVERLOADED: row(503, 'warn', 'Too many requests wait for the application.', 'Try again in a moment.'),
  UPSTREAM_TIMEOUT: row(504, 'warn', 'The application took too long to answer.', 'Try again in a moment.'),
  UPSTREAM_UNREACHABLE: row(502, 'warn', 'The application cannot be reached.', 'Try again in a moment.'),
  // anything else
  INTERNAL: row(500, 'error', 'Something went wrong on our side.', 'Try again; tell the operator the request id.'),
} as const satisfies Record<string, Row>

export type ErrorCode = keyof typeof catalog
