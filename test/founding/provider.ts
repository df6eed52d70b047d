/** The document's provider: an OpenID provider over plain HTTP that knows the client `pom`, alice (devops) and bob. */

import type { Browser, Page } from '../actors/browser.ts'
import { idpClient, idpPassword, startIdp } from '../actors/idp.ts'

/** What the exercise asks of a provider, whichever program it is. */
export interface Provider extends AsyncDisposable {
  readonly issuer: string
  /** Goes through the provider's own pages, from its first one until the browser is sent back. */
  signIn(browser: Browser, page: Page, person: Person): Promise<Page>
  /** Stops it, and starts it again at the same address. */
  down(): Promise<void>
  up(): Promise<void>
}

export type Person = 'alice' | 'bob'

/** Where a provider is to be, and whom it is to know. */
export interface ProviderPlace {
  /** `corp.dev`: the document's YOURDOMAIN.dev. */
  readonly domain: string
  /** A free port of 127.0.0.1. */
  readonly port: number
}

/** The document's static client. */
export const client = (domain: string) => ({
  ...idpClient,
  redirectUri: `https://authenticate.${domain}/oauth2/callback`,
})

/** Starts `oidc-provider` in the part of Dex. */
export async function startOidcProvider(
  { domain }: ProviderPlace,
  groups: readonly string[] = ['devops'],
): Promise<Provider> {
  const idp = await startIdp({
    redirectUris: [client(domain).redirectUri],
    postLogoutRedirectUris: [`https://authenticate.${domain}/.pomerium/signed_out`],
    users: [
      { sub: 'alice', email: 'alice@corp.test', name: 'Alice Okafor', groups },
      { sub: 'bob', email: 'bob@corp.test', name: 'Bob Lindqvist', groups: ['finance'] },
    ],
  })
  return {
    issuer: idp.issuer,
    signIn: (browser, page, person) => browser.submit(page, { login: person, password: idpPassword }),
    down: idp.down,
    up: idp.up,
    [Symbol.asyncDispose]: () => idp[Symbol.asyncDispose](),
  }
}
