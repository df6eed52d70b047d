/** Google's Directory API and the token endpoint of service accounts, as documented, for tests. */
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Workspace extends AsyncDisposable {
  readonly url: string
  /** Text of the service account's key file. */
  readonly keyFile: string
  /** Addresses of the groups that a member (a person or a group) is in. */
  readonly groups: Record<string, readonly string[]>
  /** Administrators on whose behalf may be read. */
  readonly admins: Set<string>
  /** `userKey pageToken` of each look-up, in order. */
  readonly lookups: string[]
  /** Claims of each assertion, in order. */
  readonly assertions: Record<string, unknown>[]
  /** Status that the Directory API answers, instead of what it knows. */
  fail: number | undefined
  /** Text that the Directory API answers. */
  answer: string | undefined
}

const pageSize = 2
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })

export async function startWorkspace(): Promise<Workspace> {
  const tokens = new Map<string, string>()
  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const workspace: Workspace = {
    url,
    keyFile: JSON.stringify({
      type: 'service_account',
      client_email: 'reader@project.iam.test',
      private_key_id: 'key-1',
      private_key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: `${url}/token`,
    }),
    groups: {},
    admins: new Set(['admin@corp.test']),
    lookups: [],
    assertions: [],
    fail: undefined,
    answer: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += chunk
    const { pathname, searchParams } = new URL(request.url ?? '/', url)
    const [status, body] =
      pathname === '/token' ? exchange(new URLSearchParams(text)) : list(pathname, searchParams, request)
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(typeof body === 'string' ? body : JSON.stringify(body))
  }

  function exchange(form: URLSearchParams): [number, unknown] {
    const [head = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.')
    const isSigned = verify(
      'sha256',
      Buffer.from(`${head}.${claims}`),
      createPublicKey(pair.publicKey.export({ type: 'spki', format: 'pem' })),
      Buffer.from(signature, 'base64url'),
    )
    const told = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
    workspace.assertions.push(told)
    const isGood =
      isSigned &&
      form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' &&
      told['iss'] === 'reader@project.iam.test' &&
      told['aud'] === `${url}/token` &&
      told['scope'] === 'https://www.googleapis.com/auth/admin.directory.group.readonly'
    if (!isGood) return [400, { error: 'invalid_grant' }]
    if (!workspace.admins.has(String(told['sub']))) return [401, { error: 'unauthorized_client' }]
    const token = `sa-${tokens.size}`
    tokens.set(token, String(told['sub']))
    return [200, { access_token: token, token_type: 'Bearer', expires_in: 3599 }]
  }

  function list(path: string, query: URLSearchParams, request: IncomingMessage): [number, unknown] {
    if (path !== '/admin/directory/v1/groups') return [404, {}]
    if (!tokens.has((request.headers.authorization ?? '').replace('Bearer ', ''))) return [401, {}]
    if (workspace.fail !== undefined) return [workspace.fail, {}]
    if (workspace.answer !== undefined) return [200, workspace.answer]
    const [member, page] = [query.get('userKey') ?? '', Number(query.get('pageToken') ?? 0)]
    workspace.lookups.push(`${member} ${page}`)
    const all = workspace.groups[member]
    if (all === undefined) return [404, { error: { code: 404 } }]
    const groups = all.slice(page, page + pageSize).map((email) => ({ email, name: email.split('@', 1)[0] }))
    const next = page + pageSize
    return [200, { groups, ...(next < all.length && { nextPageToken: String(next) }) }]
  }

  return workspace
}
