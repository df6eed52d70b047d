/** Somebody who signs in at a broker over HTTP as fast as it answers: no pages are looked at, cookies are kept. */
import { createHash } from 'node:crypto'

export const callback = 'https://app.test/cb'
const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')

export interface Person {
  readonly login: string
  readonly password: string
}

export class Visitor {
  readonly #issuer: string
  readonly #cookies = new Map<string, string>()

  constructor(issuer: string) {
    this.#issuer = issuer
  }

  /** From the sign-in request to the code, through the form where there is one. */
  async code(person: Person): Promise<string> {
    const query = new URLSearchParams({
      ...{ client_id: 'app', response_type: 'code', redirect_uri: callback, state: 's', nonce: 'n' },
      ...{
        scope: 'openid profile email groups offline_access',
        code_challenge: challenge,
        code_challenge_method: 'S256',
      },
    })
    let at = `${this.#issuer}/auth?${query}`
    for (let steps = 0; steps < 10; steps++) {
      const answer = await this.#ask(at)
      if (answer.status === 200) {
        const posted = await this.#ask(at, new URLSearchParams({ login: person.login, password: person.password }))
        if (posted.status !== 303) throw new Error(`cannot sign in as ${person.login}: got ${posted.status}`)
        if (isEnd(posted.location)) return codeOf(posted.location)
        at = new URL(posted.location, at).href
        continue
      }
      if (answer.status >= 400) throw new Error(`cannot sign in as ${person.login}: got ${answer.status}`)
      if (isEnd(answer.location)) return codeOf(answer.location)
      at = new URL(answer.location, at).href
    }
    throw new Error('cannot sign in: too many steps')
  }

  /** Tokens for a code; the refresh token of the answer. */
  redeem(code: string): Promise<string> {
    return this.#tokens({ grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier })
  }

  refresh(token: string): Promise<string> {
    return this.#tokens({ grant_type: 'refresh_token', refresh_token: token })
  }

  async #tokens(fields: Readonly<Record<string, string>>): Promise<string> {
    const answer = await fetch(`${this.#issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('app:secret').toString('base64')}` },
      body: new URLSearchParams(fields),
    })
    const body = (await answer.json()) as { refresh_token?: string; error?: string }
    if (!body.refresh_token) throw new Error(`cannot get tokens: got ${answer.status} ${body.error}`)
    return body.refresh_token
  }

  async #ask(url: string, body?: URLSearchParams): Promise<{ status: number; location: string }> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie }, ...(body && { method: 'POST', body }) })
    await answer.arrayBuffer()
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return { status: answer.status, location: answer.headers.get('location') ?? '' }
  }
}

function isEnd(location: string): boolean {
  return location.startsWith(callback)
}

function codeOf(location: string): string {
  return new URL(location).searchParams.get('code') ?? ''
}
