/** A real OpenID provider (oidc-provider) for tests: users with groups, no consent, PKCE required, sign-out, can go down and come back. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type ClientMetadata, type Configuration, Provider } from 'oidc-provider'

/** A user: `sub` and `email` name them at sign-in, everything else is claims. */
export interface IdpUser {
  readonly sub?: string
  readonly email: string
  readonly groups?: readonly string[]
  readonly [claim: string]: unknown
}

export interface IdpOptions {
  readonly users: readonly IdpUser[]
  /** By default one client, `pom` with secret `pomerium`, whose addresses are `redirectUris`. */
  readonly clients?: readonly ClientMetadata[]
  readonly redirectUris?: readonly string[]
  readonly postLogoutRedirectUris?: readonly string[]
  /** 0 or absent: any free port. */
  readonly port?: number
  /** Signs in whoever comes as this user (`sub` or `email`), without a form. */
  readonly autoLogin?: string
  /** The name in its issuer, of something that leads there; 127.0.0.1 otherwise. */
  readonly host?: string
  /** Auth0 ends its issuer with a slash, and its documents are below it all the same. */
  readonly issuerEnd?: '/'
  /** Laid over the configuration of oidc-provider. */
  readonly change?: Partial<Configuration>
}

export interface IdpRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly url: URL
}

export interface Idp extends AsyncDisposable {
  readonly issuer: string
  readonly port: number
  /** What was asked, in order. */
  readonly requests: IdpRequest[]
  /** Stops listening and cuts what is open. */
  down(): Promise<void>
  /** Listens again on the same port; sessions and keys are as before. */
  up(): Promise<void>
  /** From now on whoever comes is signed in as this user without a form; undefined: by the form. */
  setAutoLogin(user: string | undefined): void
}

export const idpClient = { id: 'pom', secret: 'pomerium' } as const
/** The password of all users. */
export const idpPassword = 'password'

/**
 * Starts the provider on 127.0.0.1. Somebody signs in by the form (fields `login`, `password`), or without one through
 * the cookie `idp_user=SUB`, the parameter `login_hint`, or `autoLogin`.
 */
export async function startIdp(options: IdpOptions): Promise<Idp> {
  let provider: Provider | undefined
  let autoLogin = options.autoLogin
  const requests: IdpRequest[] = []
  const users = options.users.map(({ sub, ...user }) => ({ ...user, sub: sub ?? `sub-${user.email.split('@', 1)[0]}` }))
  const findUser = (name: string | undefined) =>
    users.find(({ sub, email }) => name !== undefined && (sub === name || email === name))

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', issuer)
    requests.push({ method: request.method ?? '', path: url.pathname, url })
    if (!provider) return response.writeHead(503).end()
    if (!url.pathname.startsWith('/interaction/')) return provider.callback()(request, response)
    const { params, prompt } = await provider.interactionDetails(request, response)
    // Everybody agrees to everything, where a client asks for being asked.
    if (prompt.name === 'consent')
      return provider.interactionFinished(request, response, { consent: {} }, { mergeWithLastSubmission: true })
    const form = request.method === 'POST' ? await readForm(request) : undefined
    const cookie = /(?:^|;\s*)idp_user=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
    const isForced = prompt.reasons.includes('login_prompt')
    const silent = isForced ? undefined : (cookie ?? autoLogin ?? (params['login_hint'] as string | undefined))
    const named = form?.get('password') === idpPassword ? (form.get('login') ?? undefined) : silent
    const user = findUser(named)
    if (user) return provider.interactionFinished(request, response, { login: { accountId: user.sub } })
    response.writeHead(form ? 401 : 200, { 'content-type': 'text/html; charset=utf-8' }).end(loginPage)
  }
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500)
      response.end(String(error))
    })
  }

  let door = await openDoor(listener, options.port ?? 0)
  const { port } = door
  const issuer = `http://${options.host ?? '127.0.0.1'}:${port}${options.issuerEnd ?? ''}`
  provider = new Provider(issuer, configuration(options, findUser))
  provider.on('server_error', () => {})
  return {
    issuer,
    port,
    requests,
    setAutoLogin: (user) => {
      autoLogin = user
    },
    down: () => door.close(),
    up: async () => {
      door = await openDoor(listener, port)
    },
    [Symbol.asyncDispose]: () => door.close(),
  }
}

function configuration(options: IdpOptions, findUser: (sub: string) => IdpUser | undefined): Configuration {
  const { redirectUris = ['https://authenticate.corp.test/oauth2/callback'], postLogoutRedirectUris = [] } = options
  const client: ClientMetadata = {
    client_id: idpClient.id,
    client_secret: idpClient.secret,
    redirect_uris: [...redirectUris],
    post_logout_redirect_uris: [...postLogoutRedirectUris],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }
  const names = new Set(options.users.flatMap((user) => Object.keys(user)))
  return {
    clients: [...(options.clients ?? [client])],
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
      profile: [...names].filter((name) => !['sub', 'email', 'email_verified', 'groups'].includes(name)),
    },
    // Dex and most others put the claims into the ID token.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = `<!doctype html><title>Sign out</title>${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.body = '<!doctype html><title>Signed out</title>'
        },
      },
    },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, sub) => {
      const user = findUser(sub)
      return user && { accountId: sub, claims: () => ({ ...user, sub }) }
    },
    // Everybody has agreed to everything already.
    loadExistingGrant: async (ctx) => {
      const { client, session, provider, params } = ctx.oidc
      const grant = new provider.Grant({ clientId: client?.clientId ?? '', accountId: session?.accountId ?? '' })
      grant.addOIDCScope(String(params?.['scope'] ?? 'openid'))
      await grant.save()
      return grant
    },
    renderError: (ctx, out) => {
      ctx.type = 'html'
      ctx.body = `<!doctype html><title>Error</title><p>${out.error.replaceAll('<', '&lt;')}</p>`
    },
    ...options.change,
  }
}

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(6).toString('hex'), use: 'sig', alg: 'RS256' }
}

const loginPage = `<!doctype html><title>Sign in</title><form method="post">
<input type="text" name="login"><input type="password" name="password"><button>Sign in</button></form>`

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request) text += chunk
  return new URLSearchParams(text)
}

interface Door {
  readonly port: number
  close(): Promise<void>
}

async function openDoor(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  port: number,
): Promise<Door> {
  const sockets = new Set<Socket>()
  const server: Server = createServer(listener)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
