import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { answerBatch } from '#src/cli/explain/batch.ts'
import { replayLogs } from '#src/cli/replay-log.ts'
import { openKept } from '#src/snapshot/kept.ts'
import { openTrial, type Trial } from '#src/trial/trial.ts'
import { type Answer, Live } from './live.ts'
import { type Asked, questionsOf, recordFiles, routesOf, topOf } from './random-worlds.ts'
import { worldOf } from './settings-of.ts'

const kept = openKept()
after(() => kept.sink.close())

/** The same question as somebody who writes a batch puts it. */
function questionOf({ method, authority, target, headers, address, now, who }: Asked): string {
  const fields: Record<string, string[]> = {}
  for (const [name, value] of headers) fields[name] = [...(fields[name] ?? []), value]
  const { email, groups, ...claims } = who?.claims ?? {}
  const texts = Array.isArray(groups) && groups.every((group) => typeof group === 'string')
  return JSON.stringify({
    who: who
      ? {
          ...(typeof email === 'string' ? { email } : {}),
          ...(texts ? { groups } : {}),
          claims: texts ? claims : { ...claims, ...(groups === undefined ? {} : { groups }) },
          signed_in_at: new Date(who.signedInAt).toISOString(),
        }
      : 'nobody',
    method,
    url: `https://${authority}${target}`,
    headers: fields,
    address,
    time: new Date(now).toISOString(),
  })
}

async function offline(trial: Trial, asked: readonly Asked[]): Promise<readonly Answer[]> {
  const lines = asked.map(questionOf).join('\n')
  const printed: string[] = []
  const io = { out: (text: string) => void printed.push(text) }
  const input = (async function* () {
    yield lines
  })()
  assert.equal(await answerBatch(input, { trial, now: 0, io }), 0, printed.join(''))
  return printed.map((line) => JSON.parse(line) as Answer)
}

/** AGREE_RUNS=5000 for the long run. */
const numRuns = Number(process.env['AGREE_RUNS'] ?? 150)

test('the running snapshot and `explain --batch` come to the same route, decision and reasons, whatever is asked', async () => {
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(routesOf, topOf, questionsOf, async (routes, top, asked) => {
      const settings = await worldOf({ ...top, log_level: 'error', routes }, recordFiles)
      const trial = openTrial(settings)
      const live = new Live(settings, kept)
      try {
        const told = await offline(trial, asked)
        for (const [index, one] of asked.entries()) {
          const answer = await live.answer(one)
          const other = told[index]
          seen.set(answer.decision, (seen.get(answer.decision) ?? 0) + 1)
          const expected = answer.decision === 'refused' ? { ...answer, reasons: other?.reasons } : answer
          assert.deepEqual(other, expected, questionOf(one))
        }
      } finally {
        live.retire()
      }
    }),
    { numRuns },
  )
  for (const kind of ['allow', 'deny', 'sign-in', 'no-route', 'own-page', 'refused'])
    assert.ok((seen.get(kind) ?? 0) > 0, `nothing was ${kind}: ${JSON.stringify([...seen])}`)
})

test('whatever was decided and written down is decided the same when it is replayed', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'ostiary-replay-')), 'decisions.log')
  let replayed = 0
  await fc.assert(
    fc.asyncProperty(routesOf, topOf, questionsOf, async (routes, top, asked) => {
      rmSync(path, { force: true })
      const log = { log_level: 'error', decision_log: { path, rotate_age: '0s' } }
      const settings = await worldOf({ ...top, ...log, routes }, recordFiles)
      const live = new Live(settings, kept)
      const answers: Answer[] = []
      for (const one of asked) answers.push(await live.answer(one))
      live.retire()
      await kept.decisionFile.close()
      const result = await replayLogs([path], { after: openTrial(settings) }, { err: assert.fail })
      const written = answers.filter(({ route }) => route !== null).length
      assert.deepEqual(result, { decisions: written, changes: [], others: 0, kinds: [], inexact: [], unreadable: 0 })
      replayed += written
    }),
    { numRuns },
  )
  assert.ok(replayed > numRuns)
})
