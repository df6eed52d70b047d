/** Management of the broker that runs on this machine, through its administration socket. */
import { type IncomingMessage, request } from 'node:http'
import type { DiagnosticStep } from '../connectors/connector.ts'
import { type Management, ManagementError, type ManagementFailure } from './management.ts'
import type { OperationName } from './operations.ts'
import { checkOwner } from './socket-file.ts'

/** The broker tries connectors before it answers. */
const ANSWER_MS = 90_000
const ANSWER_LIMIT = 32 * 1024 * 1024

export function socketManagement(path: string): Management {
  // What comes back was made by `operations` of the same version, for these very types.
  const call = async <T>(name: OperationName, asked: object = {}): Promise<T> => {
    const response = await send(path, { name, asked, signal: AbortSignal.timeout(ANSWER_MS) })
    const text = await textOf(response)
    const answer = parse(text)
    if (answer.error) throw failureOf(answer.error)
    if (!('result' in answer)) throw strange()
    return answer.result as T
  }
  return {
    listConnectors: () => call('listConnectors'),
    getConnector: (id) => call('getConnector', { id }),
    createConnector: (change, how) => call('createConnector', { change, how }),
    updateConnector: (change, how) => call('updateConnector', { change, how }),
    deleteConnector: (id) => call('deleteConnector', { id }),
    testConnector: (id, options) => steps(path, id, options),
    listClients: () => call('listClients'),
    getClient: (id, options) => call('getClient', { id, ...options }),
    createClient: (client) => call('createClient', client),
    updateClient: (client) => call('updateClient', client),
    deleteClient: (id) => call('deleteClient', { id }),
    listPasswords: () => call('listPasswords'),
    createPassword: (password) => call('createPassword', password),
    updatePassword: (password) => call('updatePassword', password),
    deletePassword: (email) => call('deletePassword', { email }),
    verifyPassword: (email, password) => call('verifyPassword', { email, password }),
    listRefreshTokens: (subject) => call('listRefreshTokens', { subject }),
    revoke: (subject, clientId) => call('revoke', { subject, ...(clientId !== undefined && { clientId }) }),
    discovery: () => call('discovery'),
    lifetimes: () => call('lifetimes'),
    version: () => call('version'),
  }
}

async function* steps(
  path: string,
  id: string,
  { user, signal }: { user: string | undefined; signal: AbortSignal },
): AsyncGenerator<DiagnosticStep> {
  const asked = { id, ...(user !== undefined && { user }) }
  const response = await send(path, { name: 'testConnector', asked, signal })
  let size = 0
  let rest = ''
  for await (const piece of response.setEncoding('utf8')) {
    size += piece.length
    if (size > ANSWER_LIMIT) throw strange()
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const answer = parse(line)
      if (answer.error) throw failureOf(answer.error)
      if (answer.end === true) return
      if (!answer.step) throw strange()
      yield answer.step
    }
  }
  // A refusal is one object without a line end.
  const answer = rest === '' ? undefined : parse(rest)
  if (answer?.error) throw failureOf(answer.error)
  throw new ManagementError('unreachable', 'cannot finish the test: the broker broke it off')
}

function send(
  path: string,
  { name, asked, signal }: { name: string; asked: object; signal: AbortSignal },
): Promise<IncomingMessage> {
  checkOwner(path)
  const body = JSON.stringify(asked)
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const asking = request(
      { socketPath: path, method: 'POST', path: `/v1/${name}`, headers, signal, agent: false },
      resolve,
    )
    asking.once('error', (error: NodeJS.ErrnoException) => reject(unreachable(path, error)))
    asking.end(body)
  })
}

function unreachable(path: string, error: NodeJS.ErrnoException): ManagementError {
  const why: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nobody serves it',
    ENOENT: 'there is no such socket',
    EACCES: 'this user may not use it',
    ECONNRESET: 'it broke off',
    ABORT_ERR: 'it took too long',
  }
  return new ManagementError(
    'unreachable',
    `cannot reach the broker at ${JSON.stringify(path)}: ${why[error.code ?? ''] ?? error.code ?? 'unknown error'}`,
    { details: ['is the broker running, and is this its admin socket?'], cause: error },
  )
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: string[] = []
  let size = 0
  try {
    for await (const piece of response.setEncoding('utf8')) {
      size += piece.length
      if (size > ANSWER_LIMIT) throw strange()
      pieces.push(piece)
    }
  } catch (cause) {
    if (cause instanceof ManagementError) throw cause
    throw new ManagementError('unreachable', 'cannot read the answer of the broker: it broke off', { cause })
  }
  return pieces.join('')
}

interface Answer {
  readonly result?: unknown
  readonly step?: DiagnosticStep
  readonly end?: boolean
  readonly error?: {
    readonly failure: ManagementFailure
    readonly message: string
    readonly details: readonly string[]
  }
}

function parse(text: string): Answer {
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer === 'object' && answer !== null) return answer
  } catch {
    // Told below.
  }
  throw strange()
}

function failureOf({ failure, message, details }: NonNullable<Answer['error']>): ManagementError {
  return new ManagementError(failure, String(message), { details: Array.isArray(details) ? details.map(String) : [] })
}

function strange(): ManagementError {
  return new ManagementError('unreachable', 'cannot understand the answer: is it a broker of this version?')
}
