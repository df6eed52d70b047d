import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseMoment } from '#src/trial/moment.ts'
import { nearestChanges } from '#src/trial/nearest.ts'
import type { TrialRequest } from '#src/trial/request.ts'
import { groupsOf, type Person } from '#src/trial/subject.ts'
import { openTrial } from '#src/trial/trial.ts'
import { questionsOf, recordFiles, routesOf, topOf } from './random-worlds.ts'
import { worldOf } from './settings-of.ts'

interface Question {
  readonly request: TrialRequest
  readonly subject: Person
}

/** Does what the words say, by reading them as a person would. */
function asTold(words: string, { request, subject }: Question): Question {
  const told = (pattern: RegExp) => pattern.exec(words)?.slice(1)
  const by = (more: Partial<Person>) => ({ request, subject: { ...subject, ...more } })
  const asked = (more: Partial<TrialRequest>) => ({ request: { ...request, ...more }, subject })
  const { groups: _, ...claims } = subject.claims
  const [only] = told(/^the group (.*) and no other$/) ?? []
  if (only !== undefined) return by({ groups: [only], claims })
  const [group] = told(/^the group (.*)$/) ?? []
  if (group !== undefined) return by({ groups: [...groupsOf(subject), group], claims })
  const [without] = told(/^not being in the group (.*)$/) ?? []
  if (without !== undefined) return by({ groups: groupsOf(subject).filter((one) => one !== without), claims })
  const { email: __, email_verified: ___, ...rest } = subject.claims
  const [domain] = told(/^a verified address at (.*)$/) ?? []
  if (domain !== undefined)
    return by({ email: `${subject.email.split('@')[0] || 'somebody'}@${domain}`, emailVerified: true, claims: rest })
  const [id] = told(/^the user id (.*)$/) ?? []
  if (id !== undefined) return by({ userId: id })
  const [email] = told(/^the user (.*)$/) ?? []
  if (email !== undefined) return by({ email, emailVerified: true, claims: rest })
  const [name, value] = told(/^the claim (\S+) with (.*)$/) ?? []
  if (name !== undefined && value !== undefined)
    return by({ claims: claimed(subject.claims, name.split(/[./]/), JSON.parse(value)) })
  const [method] = told(/^the method (.*)$/) ?? []
  if (method !== undefined) return asked({ method })
  const [range] = told(/^a connection from (.*)$/) ?? []
  if (range !== undefined) return asked({ address: range.replace(/\/.*/, '').replace(/^::ffff:/, '') })
  const [time = ''] = told(/^the time (.*)$/) ?? []
  return asked({ time: parseMoment(time) ?? assert.fail(`cannot do as told: ${words}`) })
}

function claimed(claims: Person['claims'], [name = '', ...inner]: readonly string[], value: unknown): Person['claims'] {
  const old = claims[name]
  const isMap = typeof old === 'object' && old !== null && !Array.isArray(old)
  if (inner.length > 0) return { ...claims, [name]: claimed(isMap ? (old as Person['claims']) : {}, inner, value) }
  return { ...claims, [name]: Array.isArray(old) ? [...old, value] : value }
}

/** NEAREST_RUNS=3000 for the long run. */
const numRuns = Number(process.env['NEAREST_RUNS'] ?? 400)

test('whoever does what a nearest change says is let in', async () => {
  const done = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(routesOf, topOf, questionsOf, async (routes, top, asked) => {
      const trial = openTrial(await worldOf({ ...top, routes }, recordFiles))
      for (const { method, authority, target, headers, address, now, who } of asked) {
        if (!who) continue
        const { email, ...claims } = who.claims
        const subject: Person = {
          email: typeof email === 'string' ? email : '',
          groups: [],
          claims,
          signedInAt: who.signedInAt,
        }
        const flat = headers.flatMap(([name, value]) => [name.toLowerCase(), value])
        const request = { method, url: `https://${authority}${target}`, headers: flat, address, time: now }
        const changes = nearestChanges(trial, { request, subject }, trial.explain(request, subject))
        for (const { kind, words } of changes) {
          if (kind === 'rule') continue
          const reached = words
            .split(/ and (?!no other)/)
            .reduce((state, part) => asTold(part, state), { request, subject } as Question)
          done.set(kind, (done.get(kind) ?? 0) + 1)
          assert.equal(trial.decide(reached.request, reached.subject).decision, 'allow', words)
        }
      }
    }),
    { numRuns },
  )
  assert.ok(done.size >= 5, `kinds of changes that were tried: ${[...done].join(' ')}`)
})
