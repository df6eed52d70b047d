/** Somebody's way through a real Dex whose connector leads to a provider of ours, and what Dex then says about them. */
import assert from 'node:assert/strict'
import type { DexConfiguration } from '#test/actors/dex.ts'
import type { LyingIdp } from '#test/actors/lying-idp.ts'

/** An identity, in the words of connectors. */
export interface Told {
  readonly userId: unknown
  readonly name: unknown
  readonly preferredUsername: unknown
  readonly email: unknown
  readonly emailVerified: unknown
  readonly groups: unknown
}

const redirectUri = 'http://127.0.0.1:5555/callback'
const client = { id: 'app', secret: 'app-secret' }

/** Dex's configuration with these connectors and one application. */
export function throughDex(issuer: string, connectors: readonly unknown[]): DexConfiguration {
  return {
    issuer,
    oauth2: { skipApprovalScreen: true },
    staticClients: [{ id: client.id, secret: client.secret, name: 'App', redirectURIs: [redirectUri] }],
    connectors,
  }
}

/** What Dex puts into its ID token; undefined where it stops with an error page. */
export async function dexToken({
  issuer,
  connectorId,
  idp,
}: {
  readonly issuer: string
  readonly connectorId: string
  readonly idp: LyingIdp
}): Promise<Told | undefined> {
  const query = new URLSearchParams({
    client_id: client.id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email profile groups federated:id',
    state: 'mine',
    connector_id: connectorId,
  })
  let target = new URL(`${issuer}/auth?${query}`)
  for (let steps = 0; steps < 10; steps++) {
    if (target.origin === new URL(idp.issuer).origin)
      target = new URL(`${issuer}/callback?${idp.authorize(target.href)}`)
    if (target.href.startsWith(redirectUri)) return redeem(issuer, target.searchParams.get('code') ?? '')
    const reply = await fetch(target, { redirect: 'manual' })
    const location = reply.headers.get('location')
    if (location === null) {
      assert.ok(reply.status >= 400, await reply.text())
      return undefined
    }
    target = new URL(location, target)
  }
  return assert.fail('too many redirects')
}

async function redeem(issuer: string, code: string): Promise<Told> {
  const reply = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client.id}:${client.secret}`)}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri }),
  })
  const { id_token: token } = (await reply.json()) as { id_token: string }
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
  return {
    userId: (claims['federated_claims'] as Record<string, unknown>)['user_id'],
    name: claims['name'] ?? '',
    preferredUsername: claims['preferred_username'] ?? '',
    email: claims['email'] ?? '',
    emailVerified: claims['email_verified'] ?? false,
    groups: claims['groups'] ?? [],
  }
}
