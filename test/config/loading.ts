/** Reads configurations that exist in memory only: real loading, a file system of texts. */
import { resolve } from 'node:path'
import type { Problem } from '#src/config/problem.ts'
import { type Configuration, type ConfigurationOptions, readConfiguration } from '#src/config/read-configuration.ts'
import type { Settings } from '#src/config/schema.ts'

export const KEY = 'AbQjjjmgy/38hKZFrl4H9X6Vre+2SWvO10/qmYs2S2g='

/** Everything a route with sign-in needs. */
export const HEAD = `authenticate_service_url: https://authenticate.corp.test
insecure_server: true
idp_provider: oidc
idp_provider_url: http://idp.test
idp_client_id: pom
idp_client_secret: pomerium
shared_secret: ${KEY}
cookie_secret: ${KEY}
`

export interface Loading extends Partial<Omit<ConfigurationOptions, 'readFile' | 'cwd'>> {
  /** More files, by path from /gate. */
  readonly beside?: Readonly<Record<string, string>>
}

/** Loads `gate.yaml` (and what lies beside it) from /gate. */
export async function load(text: string, { beside = {}, ...options }: Loading = {}): Promise<Configuration> {
  const texts = new Map(
    Object.entries({ 'gate.yaml': text, ...beside }).map(([path, content]) => [resolve('/gate', path), content]),
  )
  const readFile = async (path: string): Promise<string> => {
    const content = texts.get(path)
    if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    return content
  }
  return await readConfiguration({ files: ['gate.yaml'], env: {}, ...options, cwd: '/gate', readFile })
}

/** The settings; throws with the problems where there are any. */
export async function settingsOf(text: string, options: Loading = {}): Promise<Settings> {
  const configuration = await load(text, options)
  if (configuration.kind === 'ok') return configuration.settings
  throw new Error(configuration.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
}

/** The problems; throws where there are none. */
export async function problemsOf(text: string, options: Loading = {}): Promise<readonly Problem[]> {
  const configuration = await load(text, options)
  if (configuration.kind === 'problems') return configuration.problems
  throw new Error('the configuration was accepted')
}

/** `file:line:column path message` of each. */
export function brief(problems: readonly Problem[]): string[] {
  return problems.map(({ file, line, column, path, message }) => `${file}:${line}:${column} ${path} ${message}`)
}
