/** Where refresh tokens could leak to, and what a crowd could make of refreshes, with the product as it runs. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { keyRing } from '#src/crypto/key-ring.ts'
import { sealer } from '#src/crypto/seal.ts'
import { Secret } from '#src/crypto/secret.ts'
import { join } from '#src/session/pieces.ts'
import type { Browser } from '#test/actors/browser.ts'
import { type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import { freePort } from '#test/actors/program.ts'
import { type RunningProxy, startProxy } from '#test/actors/proxy.ts'
import { startUpstream, type Upstream } from '#test/actors/upstream.ts'

const noNonce = { claims: { nonce: undefined } }

interface Siege extends AsyncDisposable {
  readonly idp: LyingIdp
  readonly proxy: RunningProxy
  readonly upstream: Upstream
  readonly secret: string
  /** Signs in, through a provider that has no pages. */
  signIn(browser: Browser): Promise<void>
}

/** The product as it runs, with the lying provider. */
async function startSiege(): Promise<Siege> {
  await using opened = new AsyncDisposableStack()
  const idp = opened.use(await startLyingIdp())
  const upstream = opened.use(await startUpstream())
  const port = await freePort()
  const secret = randomBytes(32).toString('base64')
  const proxy = opened.use(
    await startProxy({
      port,
      config: {
        idp_provider: 'oidc',
        idp_provider_url: idp.issuer,
        idp_client_id: 'pom',
        idp_client_secret: 'pomerium',
        log_level: 'debug',
        shared_secret: secret,
        cookie_secret: randomBytes(32).toString('base64'),
        access_log_fields: ['path', 'query', 'headers.cookie', 'request-id', 'response-code'],
        authorize_log_fields: ['headers', 'query', 'id-token-claims', 'session-id'],
        routes: [
          {
            from: `https://any.corp.test:${port}`,
            to: upstream.url,
            allow_any_authenticated_user: true,
            pass_identity_headers: true,
          },
        ],
      },
    }),
  )
  const kept = opened.move()
  return {
    idp,
    proxy,
    upstream,
    secret,
    async signIn(browser) {
      const { url } = await browser.open(proxy.url('any'))
      assert.ok(url.startsWith(`${idp.issuer}/authorize`), url)
      const back = await browser.open(`${new URL(url).searchParams.get('redirect_uri')}?${idp.authorize(url)}`)
      assert.equal(back.status, 200, back.body)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const refreshesOf = ({ idp }: Siege) => idp.forms.filter((form) => form.get('grant_type') === 'refresh_token')

test('a crowd of requests asks the provider once, also while it does not answer', async () => {
  await using siege = await startSiege()
  const browser = siege.proxy.browser()
  await siege.signIn(browser)
  siege.idp.lie = { hang: ['/token'] }
  const url = siege.proxy.url('any')
  for (const end = Date.now() + 7_000; Date.now() < end; await pause(50)) {
    const replies = await Promise.all(Array.from({ length: 30 }, () => browser.fetch(url, { from: url })))
    assert.ok(replies.every(({ status }) => status === 200))
  }
  assert.equal(refreshesOf(siege).length, 1)
})

test('no log line, page, cookie, hand-over or application sees a token, and none is sent twice', async () => {
  await using siege = await startSiege()
  const browser = siege.proxy.browser()
  siege.idp.lie = { tokenAnswer: { expires_in: 60 } }
  await siege.signIn(browser)
  const url = siege.proxy.url('any')
  const seen: string[] = []
  const until = async (count: number) => {
    for (const end = Date.now() + 8_000; refreshesOf(siege).length < count && Date.now() < end; await pause(200)) {
      const reply = await browser.fetch(url, { from: url })
      seen.push(JSON.stringify(reply))
    }
    assert.equal(refreshesOf(siege).length, count)
  }
  siege.idp.lie = { ...noNonce, signature: 'broken' }
  await until(1)
  siege.idp.lie = noNonce
  await until(2)
  for (const path of ['/.pomerium/', '/.pomerium/user'])
    seen.push((await browser.open(siege.proxy.url('any', path))).body)

  const sent = refreshesOf(siege).map((form) => form.get('refresh_token') ?? '')
  assert.equal(new Set(sent).size, 2, 'the failed answer’s token was not taken up')
  const cookies = browser.cookies.matching(new URL(url))
  const sealed = join('__Host-ostiary', (wanted) => cookies.find(({ name }) => name === wanted)?.value) ?? assert.fail()
  const opened = await sealer(keyRing([new Secret(siege.secret)], 'shared_secret')).unseal(sealed, {
    purpose: 'session',
    audience: 'any.corp.test',
    now: Date.now(),
  })
  const cookie = JSON.stringify(opened ?? assert.fail('the cookie does not open: nothing was looked at'))
  assert.match(cookie, /ada@corp\.test/)
  const all = {
    log: siege.proxy.output(),
    pages: seen.join('\n'),
    cookie,
    application: JSON.stringify(siege.upstream.requests),
  }
  assert.match(all.log, /session refresh failed[\s\S]*session refreshed/)
  for (const [where, text] of Object.entries(all)) assert.doesNotMatch(text, /\b[ra]t_[0-9a-f]{8}/, where)
})
