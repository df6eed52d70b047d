/** The plain door that only sends on to https: nobody is sent to where they did not ask, and each request has its line. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { freePort } from '#test/actors/program.ts'
import { startProxy } from '#test/actors/proxy.ts'
import { diceFor, many } from './dice.ts'
import { hostileRequest } from './hostile-requests.ts'
import { checkLines, checkOurs, linesOf, problemOfCount } from './invariants.ts'
import { converse, inParallel, until } from './whole.ts'

test('bent requests to the plain door: a redirect to the same host by https, or a refusal, and a line for each', async () => {
  const port = await freePort()
  await using proxy = await startProxy({
    config: {
      http_redirect_addr: `127.0.0.1:${port}`,
      routes: [{ from: 'https://open.corp.test', to: 'http://127.0.0.1:1', allow_public_unauthenticated_access: true }],
    },
  })
  const heard = await inParallel(many(500), 16, async (at) => {
    const { bytes, method } = hostileRequest(diceFor(800_000 + at), at)
    const host = /^Host: ([^\r\n]*)\r?$/m.exec(bytes)?.[1] ?? ''
    const socket = connect(port, '127.0.0.1')
    return { host, ...(await converse(socket, [bytes], { answers: 1, methods: [method], quiet: 300 })) }
  })
  for (const { host, answers, text } of heard) {
    for (const { status, fields } of answers.filter((answer) => answer.status > 0)) {
      assert.ok([301, 308, 501, 505].includes(status) || (status >= 400 && status < 500), text.slice(0, 300))
      const location = fields.get('location')
      if (location === undefined) continue
      assert.match(location, /^https:\/\/[\x21-\x7e]+$/)
      const asked = host.toLowerCase().replace(/:\d+$/, '')
      assert.equal(new URL(location).hostname, new URL(`https://${asked}/`).hostname, text)
    }
  }
  const sent = heard.flatMap(({ answers }) => answers).filter(({ fields }) => fields.has('location')).length
  assert.ok(sent > heard.length * 0.1, `${sent} of ${heard.length} were sent on`)
  const lines = () => linesOf(proxy.output()).filter((line) => line['response-code-details'] === 'https_redirect')
  await until(() => lines().length >= sent, 'a line for each', 3000)
  const refusals = heard.map(({ answers }) => ({ answers: answers.filter(({ fields }) => !fields.has('location')) }))
  const uncounted = () => problemOfCount(linesOf(proxy.output()), refusals)
  await until(() => uncounted() === undefined, 'a line for each refusal', 3000)
  for (const answer of refusals.flatMap(({ answers }) => answers)) checkOurs(answer)
  checkLines(proxy.output(), [])
})
