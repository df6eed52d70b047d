/** Settings from a text, for tests: what stands there is read as a file named gate.yaml. */
import assert from 'node:assert/strict'
import { printProblems } from '#src/config/print-problems.ts'
import { readConfiguration } from '#src/config/read-configuration.ts'
import type { Settings } from '#src/config/schema.ts'

export const head = `authenticate_service_url: https://authenticate.corp.test
address: 127.0.0.1:26999
insecure_server: true
idp_provider: oidc
idp_provider_url: http://127.0.0.1:26998
idp_client_id: pom
idp_client_secret: pomerium
idp_scopes: [openid, profile, email, groups]
shared_secret: AbQjjjmgy/38hKZFrl4H9X6Vre+2SWvO10/qmYs2S2g=
cookie_secret: PzcKvMxQIy2Mawlg8ySrj12es8OVV2C5pnBc1bsS/Bk=
`

/** `head` has 10 lines, so the first line of `routes` is line 11. */
export async function settingsOf(routes: string, top: string = head): Promise<Settings> {
  const configuration = await readConfiguration({
    files: ['gate.yaml'],
    env: {},
    cwd: '/',
    readFile: async () => top + routes,
  })
  if (configuration.kind === 'problems') assert.fail(printProblems(configuration.problems))
  return configuration.settings
}

/** Settings from a map under `head`, with files beside it (records, say). */
export async function worldOf(map: object, files: Readonly<Record<string, string>> = {}): Promise<Settings> {
  const lines = Object.entries(map).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
  const texts = new Map(Object.entries({ ...files, 'gate.yaml': head + lines.join('') }))
  const configuration = await readConfiguration({
    files: ['gate.yaml'],
    env: {},
    cwd: '/',
    readFile: async (path) => texts.get(path.replace(/^\//, '')) ?? assert.fail(`no file ${path}`),
  })
  if (configuration.kind === 'problems') assert.fail(`${printProblems(configuration.problems)}\n${lines.join('')}`)
  return configuration.settings
}
