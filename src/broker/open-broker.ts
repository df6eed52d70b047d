/** The embedded broker: an OpenID provider in this process, spoken with over a socket like any other. */
import { createServer as createPlainServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { type BrokerClient, makeProvider } from './provider.ts'
import { type AuditEvent, SignInPages } from './sign-in-pages.ts'
import { Users } from './users.ts'
import type { BrokerPages } from './views.ts'

export interface BrokerOptions {
  /** Where it listens, and the host in its issuer. */
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  /** PEM text; without it the broker speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Applications, as Dex's `staticClients` declare them. */
  readonly clients: readonly BrokerClient[]
  /** `{staticPasswords: […]}` in Dex's form. */
  readonly users: unknown
  readonly pages: BrokerPages
  readonly now: () => number
  /** Told of each try to sign in. */
  readonly audit?: (event: AuditEvent) => void
}

export interface Broker extends AsyncDisposable {
  readonly issuer: string
  close(): Promise<void>
}

/** Starts a broker; rejects when the address is taken or the declarations are wrong. */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const { host, port, tls, clients, pages, now } = options
  const users = new Users(options.users)
  const server = tls ? createSecureServer({ cert: tls.cert, key: tls.key }) : createPlainServer()
  server.headersTimeout = 10_000
  server.requestTimeout = 20_000
  server.maxConnections = 1000
  await listen(server, { host, port })

  const at = server.address() as AddressInfo
  const issuer = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${at.port}`
  const provider = await makeProvider({ issuer, clients, users, pages, now })
  const signInPages = new SignInPages({ provider, issuer, users, pages, clients, now, audit: options.audit })
  const serveProvider = provider.callback()
  server.on('request', (request, response) => {
    signInPages
      .serve(request, response)
      .then((wasOurs) => (wasOurs ? undefined : serveProvider(request, response)))
      .catch(() => response.destroy())
  })

  const close = async () => {
    const closed = promisify(server.close.bind(server))()
    server.closeAllConnections()
    await closed
  }
  return { issuer, close, [Symbol.asyncDispose]: close }
}

function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(at, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
