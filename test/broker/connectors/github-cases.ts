/** People and settings of test/vectors/dex/github.jsonl, and the way to ask a fake GitHub with our connector. */
import type {
  ConnectorTools,
  RedirectConnector,
  UpstreamIdentity,
  WantedScopes,
} from '#src/broker/connectors/connector.ts'
import { openGithubConnector } from '#src/broker/connectors/github.ts'
import { githubSettings } from '#src/config/dex/connectors/github.ts'
import { type FakeGithub, type FakeUser, fakeClient } from '#test/actors/fake-github.ts'

export const callbackUrl = 'http://127.0.0.1:5556/dex/callback'
export const allScopes: WantedScopes = { groups: true, offlineAccess: true }

/** One line: what was set, who signed in, and what a real Dex made of it. */
export interface GithubCase {
  readonly id: string
  readonly config: Readonly<Record<string, unknown>>
  readonly user: Partial<FakeUser>
  readonly pageSize?: number
  /** Claims, or that there were none. */
  readonly dex: 'refused' | Readonly<Record<string, unknown>>
}

export interface Opening {
  readonly config?: Readonly<Record<string, unknown>>
  readonly files?: Readonly<Record<string, string>>
  readonly callback?: string
  readonly now?: () => number
}

/** Our connector at the fake, over plain HTTP where the settings name no host. */
export async function openAt(
  github: FakeGithub,
  { config = {}, files = {}, callback = callbackUrl, now = Date.now }: Opening = {},
): Promise<RedirectConnector> {
  const tools: ConnectorTools = {
    id: 'github',
    callbackUrl: callback,
    async readFile(path) {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
    now,
    warn: () => {},
  }
  const settings = githubSettings.parse({
    clientID: fakeClient.id,
    clientSecret: fakeClient.secret,
    redirectURI: callback,
    ...config,
  })
  return openGithubConnector(settings, tools, settings.hostName === '' ? { endpoints: github } : {})
}

/** The whole way: departure, the user's consent, arrival. */
export async function signIn(
  connector: RedirectConnector,
  github: FakeGithub,
  { scopes = allScopes, alter = (answer: URLSearchParams) => answer } = {},
): Promise<UpstreamIdentity> {
  const ease = { scopes, signal: new AbortController().signal }
  const { send, secrets } = await connector.start({ ...ease, state: 'state-1', parameters: new URLSearchParams() })
  const answer = alter(github.agree(send.by === 'redirect' ? send.url : ''))
  return connector.finish({ ...ease, answer, by: 'GET', state: 'state-1', secrets })
}
