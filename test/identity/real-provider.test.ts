import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientAuthentication } from '#src/crypto/client-authentication.ts'
import { providerProfile } from '#src/identity/presets.ts'
import { openRelyingParty } from '#src/identity/relying-party.ts'
import { type Idp, idpClient, idpPassword, startIdp } from '#test/actors/idp.ts'
import { newSecrets, redirectUri } from './conversations.ts'

const users = [
  { email: 'ada@corp.test', email_verified: true, name: 'Ada', groups: ['devops', 'finance'], department: 'eng' },
  { sub: 'u-bob', email: 'bob@corp.test', groups: [] },
]

function partyOf({ issuer }: Idp) {
  return openRelyingParty({
    profile: providerProfile({ provider: 'oidc', url: issuer, scopes: ['openid', 'profile', 'email', 'groups'] }),
    clientId: idpClient.id,
    authentication: (supported) => clientAuthentication({ reveal: () => idpClient.secret }, supported),
    redirectUri,
  })
}

/** A client that keeps the provider's cookies and follows its redirects until they leave it. */
function visitor(idp: Idp, first: Record<string, string> = {}) {
  const jar = new Map(Object.entries(first))
  return async (url: string, form?: Record<string, string>): Promise<{ url: string; text: string }> => {
    let next = url
    let body = form && new URLSearchParams(form)
    for (let hops = 0; hops < 12 && next.startsWith(idp.issuer); hops++) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await fetch(next, {
        redirect: 'manual',
        headers: { cookie },
        ...(body && { method: 'POST', body }),
      })
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        jar.set(name, value)
      }
      const location = answer.headers.get('location')
      if (!location) return { url: next, text: await answer.text() }
      next = new URL(location, next).href
      body = undefined
    }
    return { url: next, text: '' }
  }
}

test('a real provider: by its form, with the groups in the claims', async () => {
  await using idp = await startIdp({ users })
  const party = partyOf(idp)
  const secrets = newSecrets()
  const go = visitor(idp)
  const form = await go(await party.signInUrl(secrets))
  assert.match(form.text, /type="password"/)
  assert.match((await go(form.url, { login: 'ada@corp.test', password: 'wrong' })).text, /type="password"/)
  const back = await go(form.url, { login: 'ada@corp.test', password: idpPassword })
  assert.ok(back.url.startsWith(`${redirectUri}?`), back.url)
  const { userId, claims, idToken } = await party.redeem(new URL(back.url).searchParams, secrets)
  assert.equal(userId, 'sub-ada')
  assert.deepEqual(claims['groups'], ['devops', 'finance'])
  assert.equal(claims['department'], 'eng')
  const end = await party.signOutUrl({ idToken, returnTo: 'https://authenticate.corp.test/.pomerium/signed_out' })
  assert.ok(end?.startsWith(`${idp.issuer}/session/end?`))
})

test('a real provider: silently, by its cookie, by a hint, and after it was away', async () => {
  await using idp = await startIdp({ users })
  const party = partyOf(idp)
  const signIn = async (go: ReturnType<typeof visitor>, more = '') => {
    const secrets = newSecrets()
    const { url } = await go(`${await party.signInUrl(secrets)}${more}`)
    return (await party.redeem(new URL(url).searchParams, secrets)).userId
  }
  assert.equal(await signIn(visitor(idp, { idp_user: 'u-bob' })), 'u-bob')
  const go = visitor(idp)
  assert.equal(await signIn(go, '&login_hint=ada@corp.test'), 'sub-ada')
  assert.equal(await signIn(go), 'sub-ada', 'the provider remembers its user')
  await idp.down()
  await assert.rejects(fetch(idp.issuer))
  await idp.up()
  assert.equal(await signIn(go), 'sub-ada')
  idp.setAutoLogin('u-bob')
  assert.equal(await signIn(visitor(idp)), 'u-bob')
})

test('a real provider: a code without our verifier, and a changed answer, are refused', async () => {
  await using idp = await startIdp({ users, autoLogin: 'sub-ada' })
  const party = partyOf(idp)
  const secrets = newSecrets()
  const { url } = await visitor(idp)(await party.signInUrl(secrets))
  const answer = new URL(url).searchParams
  await assert.rejects(party.redeem(answer, { ...secrets, verifier: newSecrets().verifier }), {
    code: 'CALLBACK_INVALID',
  })
  answer.set('iss', 'http://other.example')
  await assert.rejects(party.redeem(answer, secrets), { code: 'TOKEN_INVALID' })
})
