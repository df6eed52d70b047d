/** A provider with refresh tokens, whose users change while they are signed in. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Configuration } from 'oidc-provider'
import { type Browser, describe } from '#test/actors/browser.ts'
import type { LogLine } from '#test/actors/proxy.ts'
import { people, startWorld, type World, type WorldOptions } from './world.ts'

/** Seconds: due six seconds after it was given, and not over for a minute. */
const life = 66

/** What the provider knows of people, to be changed while they are signed in. */
interface Directory {
  groups: string[]
  isGone: boolean
}

interface RefreshWorld {
  readonly world: World
  readonly alice: Directory
}

/** A provider with refresh tokens that rotate, whose tokens live for `life` seconds. */
export async function startRefreshing(
  { ttl = life, change = {} }: { ttl?: number; change?: Partial<Configuration> } = {},
  settings: WorldOptions['settings'] = {},
): Promise<RefreshWorld> {
  const alice: Directory = { groups: ['devops'], isGone: false }
  const world = await startWorld({
    settings,
    idp: {
      change: {
        issueRefreshToken: async () => true,
        rotateRefreshToken: true,
        ttl: { IdToken: ttl, AccessToken: ttl },
        features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
        findAccount: (_, sub) => {
          const person = Object.values(people).find(({ email }) => sub === `sub-${email.split('@', 1)[0]}`)
          if (!person || (person === people.alice && alice.isGone)) return undefined
          const groups = person === people.alice ? alice.groups : person.groups
          return { accountId: sub, claims: () => ({ ...person, groups, sub }) }
        },
        ...change,
      },
    },
  })
  return { world, alice }
}

/** Asks again and again, as a page does that stays open, until the answer has this status. */
export async function until(browser: Browser, url: string, status: number): Promise<void> {
  for (const end = Date.now() + 12_000; ; await pause(200)) {
    const reply = await browser.fetch(url, { from: url })
    if (reply.status === status) return
    if (Date.now() > end) assert.fail(`never ${status}: ${describe({ ...reply, trail: [] })}`)
  }
}

export const says = (message: string) => (line: LogLine) => line['message'] === message
export const tokenRequests = (world: World) => world.idp.requests.filter(({ path }) => path === '/token').length
