/** Signs in at a real Dex through a connector to a fake service, and gives the claims of the ID token. */

export interface DexQuestion {
  readonly issuer: string
  /** Of the client `pom` with the secret `pomerium`. */
  readonly redirectURI: string
  /** Connector. */
  readonly id: string
  /** The user agrees at the service: from the address that the browser opens to the query that comes back. */
  readonly agree: (url: string) => URLSearchParams
}

/** The claims that come of a connector, or that Dex showed an error. */
export async function askDex({ issuer, redirectURI, id, agree }: DexQuestion): Promise<unknown> {
  const hop = async (url: string) => (await fetch(url, { redirect: 'manual' })).headers.get('location')
  const query = new URLSearchParams({
    client_id: 'pom',
    redirect_uri: redirectURI,
    response_type: 'code',
    scope: 'openid profile email groups federated:id',
    state: 's',
  })
  const away = await hop(`${issuer}/auth/${id}?${query}`)
  const back = await hop(`${issuer}/callback?${agree(away ?? '')}`)
  if (back === null) return 'refused'
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('pom:pomerium')}` },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: new URL(back).searchParams.get('code') ?? '',
      redirect_uri: redirectURI,
    }),
  })
  const { id_token: token } = (await answer.json()) as { id_token: string }
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const { name, preferred_username, email, email_verified, groups } = claims
  return {
    user_id: claims.federated_claims.user_id,
    name,
    preferred_username,
    ...(email !== undefined && { email }),
    email_verified,
    ...(groups && { groups }),
  }
}
