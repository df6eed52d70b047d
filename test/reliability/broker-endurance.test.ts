/** Thousands of requests to a broker, good, bad and abandoned: it holds as many files and connections after them as before. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort, temporaryFolder } from '#test/actors/program.ts'
import { startProxy } from '#test/actors/proxy.ts'

const verifier = 'v'.repeat(43)
const issuer = 'http://id.corp.test/dex'
const callback = 'https://wiki.test/cb'

interface Answer {
  readonly status: number
  readonly location: string
  readonly cookies: readonly string[]
  readonly body: string
}

/** One request to any host at `port`, over kept connections. */
function asker(port: number, agent: Agent) {
  return (address: string, more: { readonly form?: Record<string, string>; readonly cookie?: string } = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const { host, pathname, search } = new URL(address)
      const { form, cookie = '' } = more
      const credentials = Buffer.from('wiki:wiki-secret').toString('base64')
      const headers = {
        host,
        ...(cookie && { cookie }),
        ...(form && { 'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${credentials}` }),
      }
      const method = form ? 'POST' : 'GET'
      const asked = request({ port, agent, method, path: pathname + search, headers }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        response.on('end', () => {
          const { location = '', 'set-cookie': cookies = [] } = response.headers
          resolve({ status: response.statusCode ?? 0, location, cookies, body })
        })
      })
      asked.on('error', reject)
      asked.end(form && new URLSearchParams(form).toString())
    })
}

test('after 500 sign-ins and as many that went wrong nothing is left open', {
  skip: process.platform !== 'linux',
}, async () => {
  using folder = temporaryFolder('broker-endurance')
  const port = await freePort()
  await using proxy = await startProxy({
    port,
    config: {
      insecure_server: true,
      log_level: 'warn',
      authenticate_service_url: 'http://authenticate.corp.test',
      shared_secret: Buffer.alloc(32, 1).toString('base64'),
      cookie_secret: Buffer.alloc(32, 2).toString('base64'),
      broker: {
        issuer,
        storage: { type: 'sqlite3', config: { file: join(folder.path, 'broker.db') } },
        oauth2: { skipApprovalScreen: true },
        connectors: [{ type: 'mockCallback', id: 'mock', name: 'Mock' }],
        staticClients: [{ id: 'wiki', name: 'Wiki', secret: 'wiki-secret', redirectURIs: [callback] }],
      },
      routes: [],
    },
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const ask = asker(port, agent)
  const wikiUrl = `${issuer}/auth?${new URLSearchParams({
    client_id: 'wiki',
    response_type: 'code',
    redirect_uri: callback,
    scope: 'openid offline_access',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })}`
  const token = async (form: Record<string, string>) => JSON.parse((await ask(`${issuer}/token`, { form })).body)

  const signIn = async (): Promise<void> => {
    let [at, cookie] = [wikiUrl, '']
    while (!at.startsWith(callback)) {
      const { location, cookies, body } = await ask(at, { cookie })
      assert.ok(location, body)
      cookie = [cookie, ...cookies.map((line) => line.split(';', 1)[0])].join('; ')
      at = new URL(location, at).href
    }
    const code = new URL(at).searchParams.get('code') ?? ''
    const redeemed = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
    const { refresh_token } = await token(redeemed)
    const next = await token({ grant_type: 'refresh_token', refresh_token })
    assert.ok(next.refresh_token, JSON.stringify(next))
  }
  const goWrong = async (): Promise<void> => {
    await ask(wikiUrl)
    assert.equal((await token({ grant_type: 'refresh_token', refresh_token: 'made-up' })).error, 'invalid_grant')
    await ask(`${issuer}/device/code`, { form: { scope: 'openid' } })
  }
  const openFiles = () => readdirSync(`/proc/${proxy.pid}/fd`).length

  await signIn()
  agent.destroy()
  await pause(200)
  const before = openFiles()
  let left = 1_000
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (left > 0) await (left-- % 2 === 0 ? signIn() : goWrong())
    }),
  )
  agent.destroy()
  // The proxy keeps its connections to the broker for a while; both ends are here.
  const most = before + 2 * 16 + 8
  for (const until = Date.now() + 5_000; openFiles() > most && Date.now() < until; ) await pause(100)
  assert.ok(openFiles() <= most, `${before} before, ${openFiles()} after`)
  const told = proxy.log().filter(({ level }) => level === 'warn' || level === 'error')
  assert.ok(told.length < 5, JSON.stringify(told.slice(0, 5)))
})
