/**
 * Three people with a browser each, who do what people do in any order: tabs side by side, one form in another tab, links
 * that they send each other, signing out in the middle. Whatever they do, nobody becomes somebody else.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Browser, Page } from '#test/actors/browser.ts'
import {
  answerOf,
  authorizeUrl,
  callback,
  claimsIn,
  client,
  redeem,
  refresh,
  rightPassword,
  startBroker,
  user,
  type World,
} from '#test/broker/world.ts'
import { type Dice, diceFor, many, seed } from './dice.ts'

const mock = { type: 'mockCallback', id: 'mock', name: 'Mock', config: {}, raw: {}, groups: undefined, grantTypes: [] }
const names = ['alice', 'bob', 'carol']
const stranger = 'Kilgore Trout'
const applications = ['app', 'other', 'mocked']

interface Grant {
  token: string
  readonly client: string
  readonly name: unknown
  /** How often this browser had been signed out before. */
  readonly departures: number
}

interface Walker {
  readonly browser: Browser
  readonly tabs: Page[]
  /** Whose passwords were typed here since the last sign-out. */
  readonly entered: Set<unknown>
  departures: number
  grants: Grant[]
}

const attemptOf = (url: string) => /[?&](?:state|req)=([\w-]{20,})/.exec(url)?.[1]
const asksForPassword = ({ body }: Page) => body.includes('type="password"')
const asksForConsent = ({ body }: Page) => body.includes('name="approval"')
const asksForChoice = ({ body }: Page) => body.includes('How do you want to sign in?')
const asksToSignOut = ({ body }: Page) => body.includes('Sign out?')

class Walk {
  readonly #world: World
  readonly #dice: Dice
  readonly #walkers: readonly Walker[]
  /** In whose browser a page of an attempt was first seen. */
  readonly #owners = new Map<string, Walker>()
  readonly #steps: string[] = []

  constructor(world: World, dice: Dice) {
    this.#world = world
    this.#dice = dice
    this.#walkers = names.map(() => ({
      ...{ browser: world.browser(), tabs: [], entered: new Set(), departures: 0, grants: [] },
    }))
  }

  get codes(): number {
    return this.#walkers.reduce((sum, { grants, departures }) => sum + grants.length + departures, 0)
  }

  async step(): Promise<void> {
    const walker = this.#dice.oneOf(this.#walkers)
    const at = this.#dice.below(100)
    if (at < 25 || walker.tabs.length === 0) return this.#begin(walker)
    if (at < 75) return this.#answer(walker, this.#dice.oneOf(walker.tabs))
    if (at < 83) return this.#openLinkOf(walker, this.#dice.oneOf(this.#walkers))
    if (at < 88) return this.#see(walker, await walker.browser.open(`${this.#world.issuer}/logout`))
    if (at < 92) return this.#see(walker, await walker.browser.open(this.#dice.oneOf(walker.tabs).url))
    return this.#refresh(walker)
  }

  #begin(walker: Walker): Promise<void> {
    const id = this.#dice.oneOf(applications)
    return this.#open(walker, {
      ...{ client_id: id, state: id, login_hint: 'bob@corp.test' },
      prompt: this.#dice.oneOf(['', '', 'none', 'login', 'select_account', 'consent']) || undefined,
      max_age: this.#dice.oneOf(['', '', '0', '5']) || undefined,
      connector_id: this.#dice.oneOf(['', 'local', 'mock']) || undefined,
    })
  }

  async #open(walker: Walker, more: Readonly<Record<string, string | undefined>>): Promise<void> {
    this.#note(walker, `begins ${JSON.stringify(more)}`)
    await this.#see(walker, await walker.browser.open(authorizeUrl(this.#world.issuer, more)))
  }

  async #openLinkOf(walker: Walker, other: Walker): Promise<void> {
    const link = other.tabs.at(-1)?.url
    if (link === undefined) return
    this.#note(walker, `opens ${link} of ${this.#walkers.indexOf(other)}`)
    await this.#see(walker, await walker.browser.open(link))
  }

  async #answer(walker: Walker, tab: Page): Promise<void> {
    const { browser, entered } = walker
    if (asksForPassword(tab)) {
      const name = this.#dice.oneOf(names)
      const password = this.#dice.chance(0.9) ? rightPassword : 'wrong'
      this.#note(walker, `types ${name}, ${password}`)
      if (password === rightPassword) entered.add(titled(name))
      return this.#see(walker, await browser.submit(tab, { login: `${name}@corp.test`, password }))
    }
    if (asksForConsent(tab)) {
      const approval = this.#dice.chance(0.8) ? 'approve' : 'reject'
      this.#note(walker, `is asked as ${shownName(tab)}: ${approval}`)
      return this.#see(walker, await browser.submit(tab, { approval }), shownName(tab))
    }
    if (asksForChoice(tab)) {
      const ways = [...tab.body.matchAll(/class="button"[^>]* href="([^"]+)"/g)].map(([, href = '']) => href)
      const way = new URL(this.#dice.oneOf(ways).replaceAll('&amp;', '&'), tab.url).href
      this.#note(walker, `chooses ${way}`)
      return this.#see(walker, await browser.open(way))
    }
    if (!asksToSignOut(tab)) return
    const page = await browser.submit(tab)
    this.#note(walker, `signs out: ${page.status}`)
    if (!page.url.endsWith('/logout/success')) return
    entered.clear()
    walker.departures++
  }

  async #see(walker: Walker, page: Page, shown?: string): Promise<void> {
    assert.ok(page.status < 500, `${page.url} ${page.status}\n${this.story()}`)
    // Whoever is sent through the mock has signed in as its only person, with nothing to type.
    if (page.trail.some(({ url }) => new URL(url).pathname.endsWith('/callback'))) walker.entered.add(stranger)
    walker.tabs.push(page)
    if (walker.tabs.length > 5) walker.tabs.shift()
    const attempt = attemptOf(page.url)
    if (attempt !== undefined && (asksForPassword(page) || asksForConsent(page) || asksForChoice(page))) {
      const owner = this.#owners.get(attempt) ?? walker
      assert.equal(owner, walker, `an attempt of another browser is open\n${this.story()}`)
      this.#owners.set(attempt, owner)
    }
    if (page.url.startsWith(callback) && answerOf(page).has('code')) await this.#arrive(walker, page, shown)
  }

  async #arrive(walker: Walker, page: Page, shown: string | undefined): Promise<void> {
    const id = answerOf(page).get('state') ?? ''
    const { status, body } = await redeem(this.#world, page, {}, { id, secret: `${id}-secret` })
    // A page that is loaded again shows the same code again.
    if (status === 400) return
    const { name, aud } = claimsIn(body['id_token'])
    this.#note(walker, `is ${name} at ${id}`)
    assert.ok(walker.entered.has(name), `${name} was never here\n${this.story()}`)
    assert.equal(aud, id)
    if (shown !== undefined) assert.equal(name, shown, `somebody else agreed\n${this.story()}`)
    if (id === 'mocked') assert.equal(name, stranger, this.story())
    walker.grants.push({ token: String(body['refresh_token']), client: id, name, departures: walker.departures })
  }

  async #refresh(walker: Walker): Promise<void> {
    const grant = walker.grants[this.#dice.below(Math.max(1, walker.grants.length))]
    if (!grant) return
    const who = { id: grant.client, secret: `${grant.client}-secret` }
    const { status, body } = await refresh(this.#world, grant.token, {}, who)
    this.#note(walker, `refreshes ${grant.name} at ${grant.client}: ${status}`)
    walker.grants = walker.grants.filter((other) => other !== grant)
    if (status !== 200) return
    assert.equal(grant.departures, walker.departures, `a sign-out ended nothing\n${this.story()}`)
    assert.equal(claimsIn(body['id_token'])['name'], grant.name, this.story())
    walker.grants.push({ ...grant, token: String(body['refresh_token']) })
  }

  #note(walker: Walker, text: string): void {
    this.#steps.push(`${this.#walkers.indexOf(walker)} ${text}`)
  }

  story(): string {
    return this.#steps.slice(-25).join('\n')
  }
}

const titled = (name: string) => name.replace(/^./, (letter) => letter.toUpperCase())
const shownName = ({ body }: Page) => /<dd>([^<]+)/.exec(body)?.[1]

test('whatever three people do in their browsers, nobody becomes, agrees for, or stays somebody else', async () => {
  let clock = Date.now()
  await using world = await startBroker({
    now: () => clock,
    settings: {
      oauth2: { grantTypes: [], skipApprovalScreen: false, alwaysShowLoginScreen: false, pkceEnforce: false },
    },
    connectors: [mock as never],
    users: names.map((name) => user(name)),
    clients: applications.map((id) => client(id, id === 'mocked' ? { allowedConnectors: ['mock'] } : {})),
  })
  const dice = diceFor(seed + 43)
  const walk = new Walk(world, dice)
  for (const _ of many(500)) {
    // Typing takes its time: wrong passwords are forgotten, and sessions grow older than an application may like.
    clock += dice.below(8_000)
    await walk.step()
  }
  assert.ok(walk.codes > 20, `${walk.codes} sign-ins say nothing`)
})
