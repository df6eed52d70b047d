/** Connectors for trying: everybody is Kilgore Trout, as with Dex. */

import type { MockPasswordSettings } from '../../config/dex/connectors/mock.ts'
import { isSameText } from '../../crypto/random.ts'
import { Secret } from '../../crypto/secret.ts'
import { secretDigest } from '../../crypto/secret-digest.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { ConnectorTools, PasswordConnector, RedirectConnector, UpstreamIdentity } from './connector.ts'

const kilgore = {
  userId: '0-385-28089-0',
  name: 'Kilgore Trout',
  preferredUsername: '',
  email: 'kilgore@kilgore.trout',
  emailVerified: true,
} as const

/** Sends the browser straight back: nobody is asked anything. */
export function openMockCallbackConnector(tools: ConnectorTools): RedirectConnector {
  tools.warn(`the connector ${tools.id} is a mock: it lets anybody in as Kilgore Trout`)
  const identity: UpstreamIdentity = { ...kilgore, groups: ['authors'] }
  return {
    kind: 'redirect',
    freshness: 'each refresh',
    async start({ state }) {
      const url = new URL(tools.callbackUrl)
      url.searchParams.set('state', state)
      return { send: { by: 'redirect', url: url.href }, secrets: '' }
    },
    async finish({ answer, state }) {
      const [returned = '', ...others] = answer.getAll('state')
      if (others.length === 0 && isSameText(returned, state)) return identity
      throw new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot finish at ${tools.id}: expected the state that was sent`)
    },
    refresh: async () => identity,
    readToken: async () => identity,
    async check() {},
    async *diagnose() {
      yield { name: 'mock', outcome: 'doubtful', found: 'anybody is let in', identity }
    },
    async close() {},
  }
}

/** One name with one password. */
export function openMockPasswordConnector(settings: MockPasswordSettings, tools: ConnectorTools): PasswordConnector {
  tools.warn(`the connector ${tools.id} is a mock: its only user is Kilgore Trout`)
  const identity: UpstreamIdentity = { ...kilgore, groups: [] }
  const digest = secretDigest(settings.password)
  return {
    kind: 'password',
    prompt: 'Username',
    freshness: 'each refresh',
    async signIn({ login, password }) {
      const isName = isSameText(login, settings.username)
      const isPassword = isSameText(secretDigest(new Secret(password)), digest)
      return isName && isPassword ? identity : undefined
    },
    refresh: async () => identity,
    async check() {},
    async *diagnose({ user }) {
      if (user === undefined || isSameText(user, settings.username))
        yield { name: 'mock', outcome: 'doubtful', found: 'one user, one password', identity }
      else yield { name: 'mock', outcome: 'failed', found: `the only user is ${settings.username}` }
    },
    async close() {},
  }
}
