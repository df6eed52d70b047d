/** The document's provider: an OpenID provider over plain HTTP that knows the client `pom`, alice (devops) and bob. */
import { createServer } from 'node:http'
import { Provider as OidcProvider } from 'oidc-provider'
import type { Page, Reply, Visitor } from './visitor.ts'

/** What the exercise asks of a provider, whichever program it is. */
export interface Provider extends AsyncDisposable {
  readonly issuer: string
  /** Goes through the provider's own pages, from its first one until the browser is sent back. */
  signIn(visitor: Visitor, page: Page, person: Person): Promise<Reply>
}

export type Person = 'alice' | 'bob'

/** Where a provider is to be, and whom it is to know. */
export interface ProviderPlace {
  /** `corp.dev`: the document's YOURDOMAIN.dev. */
  readonly domain: string
  readonly host: string
  readonly port: number
}

/** The document's static client. */
export const client = (domain: string) => ({
  id: 'pom',
  secret: 'pomerium',
  redirectUri: `https://authenticate.${domain}/oauth2/callback`,
})

const PEOPLE: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  alice: { email: 'alice@corp.test', email_verified: true, name: 'Alice Okafor', groups: ['devops'] },
  bob: { email: 'bob@corp.test', email_verified: true, name: 'Bob Lindqvist', groups: ['finance'] },
}

/** Starts `oidc-provider` in the part of Dex. */
export async function startOidcProvider({ domain, host, port }: ProviderPlace): Promise<Provider> {
  const issuer = `http://dex.${domain}:${port}`
  const { id, secret, redirectUri } = client(domain)
  const provider = new OidcProvider(issuer, {
    clients: [
      {
        client_id: id,
        client_secret: secret,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    // As Dex does: the claims are in the ID token itself.
    conformIdTokenClaims: false,
    cookies: { keys: ['founding'] },
    findAccount: (_, sub) => {
      const claims = PEOPLE[sub]
      return claims && { accountId: sub, claims: async () => ({ sub, ...claims }) }
    },
  })
  const server = createServer(provider.callback())
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  return {
    issuer,
    async signIn(visitor, page, person) {
      const consent = await visitor.submit(page, { login: person, password: 'any' })
      return visitor.submit(consent)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
