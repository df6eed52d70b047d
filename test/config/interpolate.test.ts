import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { brief, HEAD, load, problemsOf, settingsOf } from './loading.ts'

test('references to variables and files are replaced in any text of the file', async () => {
  const settings = await settingsOf(
    `insecure_server: true\ncookie_name: "a-\${NAME}-b"\nidp_client_id: \${file:id}\n`,
    { env: { NAME: 'x' }, beside: { id: 'from-file\n' } },
  )
  assert.equal(settings.cookie_name, 'a-x-b')
  assert.equal(settings.idp_client_id, 'from-file')
})

test('a reference can bring a number, a yes, a duration or a list', async () => {
  const settings = await settingsOf(
    `insecure_server: \${YES}\nxff_num_trusted_hops: \${N}\ntimeout_read: \${N}m\nidp_scopes: \${LIST}\n`,
    { env: { YES: 'true', N: '2', LIST: 'openid email' } },
  )
  assert.deepEqual(
    [settings.insecure_server, settings.xff_num_trusted_hops, settings.timeout_read, settings.idp_scopes],
    [true, 2, 120_000, ['openid', 'email']],
  )
})

test('a variable that is not set and a file that is not there are problems with their places', async () => {
  const text = 'insecure_server: true\nidp_client_id: ${NOPE}\nidp_client_secret: ${file:gone}\n'
  assert.deepEqual(brief(await problemsOf(text)), [
    'gate.yaml:2:16 idp_client_id the variable NOPE is not set',
    'gate.yaml:3:20 idp_client_secret cannot read "gone": there is no such file',
  ])
})

test('templates of request headers are left for the request; variables in them are not taken for templates', async () => {
  const headers =
    '{A: "${pomerium.id_token}", B: "Basic ${TOKEN}", C: "$pomerium.jwt $$x $${TOKEN}", D: "${pomerium.request.headers[\\"X-A\\"]}"}'
  const settings = await settingsOf(
    `${HEAD}routes:\n  - {from: "https://a", to: "http://a", allowed_users: [x], set_request_headers: ${headers}}\n`,
    { env: { TOKEN: 'a$b${c}' } },
  )
  assert.deepEqual(settings.routes[0]?.set_request_headers, {
    A: '${pomerium.id_token}',
    B: 'Basic a$$b$${c}',
    C: '$pomerium.jwt $$x $${TOKEN}',
    D: '${pomerium.request.headers["X-A"]}',
  })
})

test('elsewhere a reference that is none of ours is a problem', async () => {
  assert.match(
    brief(await problemsOf('cookie_name: "${pomerium.id_token}"\ninsecure_server: true\n')).join(),
    /expected \$\{NAME\}/,
  )
})

test('a text may stand for a variable that is not set or empty, and may hold anything but a brace', async () => {
  const read = async (env: Record<string, string>) =>
    (await settingsOf('insecure_server: true\nidp_client_id: a${A:-b:-$c}d\n', { env })).idp_client_id
  assert.equal(await read({}), 'ab:-$cd')
  assert.equal(await read({ A: '' }), 'ab:-$cd')
  assert.equal(await read({ A: 'x' }), 'axd')
})

test('what cannot be read is told once, and not as a wrong value or a missing certificate besides', async () => {
  const text = `shared_secret: \${file:none}\ncookie_secret: \${NONE}\ncertificates: [{cert: none.crt, key: none.key}]\n`
  const read = await load(text, {})
  assert.ok(read.kind === 'problems')
  assert.deepEqual(
    [...read.problems, ...read.warnings]
      .map(({ path, message }) => `${path}: ${message.replace(/ "none.*/, '')}`)
      .toSorted(),
    [
      'certificates[0].cert: cannot read',
      'certificates[0].key: cannot read',
      'cookie_secret: the variable NONE is not set',
      'shared_secret: cannot read',
    ],
  )
})

test('values of variables are not looked into for references', async () => {
  const settings = await settingsOf('insecure_server: true\nidp_client_id: ${A}\n', { env: { A: '${B}', B: 'x' } })
  assert.equal(settings.idp_client_id, '${B}')
})

test('any text survives when ${ is escaped, and any variable arrives as it is', async () => {
  const printable = fc.string({ unit: fc.constantFrom(...'ab$ {}:\\"\'#-'), maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(printable, printable, async (text, value) => {
      const escaped = text.replaceAll('${', () => '$${')
      // `$` before an escape would make another one of it; nobody can write that text in a file without a variable.
      fc.pre(!text.includes('$${'))
      const configuration = await load(JSON.stringify({ insecure_server: true, idp_client_id: escaped }), {})
      assert.ok(configuration.kind === 'ok')
      assert.equal(configuration.settings.idp_client_id, text)
      const other = await load(JSON.stringify({ insecure_server: true, idp_client_id: '<${V}>' }), {
        env: { V: value },
      })
      assert.ok(other.kind === 'ok')
      assert.equal(other.settings.idp_client_id, `<${value}>`)
    }),
    { numRuns: 200 },
  )
})
