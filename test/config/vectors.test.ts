import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { readConfiguration } from '#src/config/read-configuration.ts'
import { expectedValue, ownValue } from './vector-values.ts'

interface Vector {
  readonly id: string
  readonly about: string
  readonly config?: unknown
  readonly text?: string
  readonly format?: string
  readonly env?: Record<string, string>
  readonly expect: {
    readonly accepted: boolean
    readonly not_served?: boolean
    readonly values?: Record<string, unknown>
  }
}

const folder = new URL('../vectors/', import.meta.url)
const vectors = readFileSync(new URL('pomerium/config.jsonl', folder), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector)
/** Ids are `cfg-001` (accepted or not) or `cfg-001/key` (a value). */
const listed = new Set(
  (parse(readFileSync(new URL('differences/config.yaml', folder), 'utf8')) as { ids: string[] }[]).flatMap(
    ({ ids }) => ids,
  ),
)

/** What we do otherwise: ids; or the option that the vector needs and we do not have yet. */
async function judge(vector: Vector): Promise<{ differs: string[] } | { needs: string }> {
  const file = `config.${vector.format ?? 'yaml'}`
  const text = (vector.text ?? JSON.stringify(vector.config)).replace(/\{\{cert:[^}]*\}\}/g, 'LS0tLS0=')
  const readFile = async (path: string) => {
    if (path === `/gate/${file}`) return text
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  }
  const result = await readConfiguration({ files: [file], cwd: '/gate', env: vector.env ?? {}, readFile })
  const accepted = result.kind === 'ok'
  // What Pomerium loads and then serves nothing from, we refuse at once.
  const wanted = vector.expect.accepted && vector.expect.not_served !== true
  if (result.kind === 'problems' && wanted && result.problems.every(({ kind }) => kind === 'unsupported')) {
    return { needs: result.problems.map(({ path }) => path.replace(/\[\d+\]/g, '')).join(', ') }
  }
  if (
    result.kind === 'problems' &&
    wanted &&
    result.problems.every(({ message }) => message.includes('which is not supported yet'))
  ) {
    return { needs: result.problems.map(({ found }) => found ?? '').join(', ') }
  }
  if (accepted !== wanted) return { differs: [vector.id] }
  if (result.kind !== 'ok') return { differs: [] }
  const differs = Object.entries(vector.expect.values ?? {}).flatMap(([key, value]) => {
    const own = ownValue(result.settings, key)
    return own === undefined || same(own.value, expectedValue(key, value)) ? [] : [`${vector.id}/${key}`]
  })
  return { differs }
}

function same(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}

test('every configuration vector is answered as observed, or its difference is listed', async (t) => {
  const met = new Set<string>()
  const needs = new Map<string, number>()
  let same = 0
  for (const vector of vectors) {
    const verdict = await judge(vector)
    if ('needs' in verdict) {
      needs.set(verdict.needs, (needs.get(verdict.needs) ?? 0) + 1)
      continue
    }
    for (const id of verdict.differs) met.add(id)
    const unlisted = verdict.differs.filter((id) => !listed.has(id))
    if (verdict.differs.length === 0) same++
    await t.test(`${vector.id} ${vector.about}`, () => assert.deepEqual(unlisted, [], JSON.stringify(vector)))
  }
  assert.deepEqual(
    [...listed].filter((id) => !met.has(id)),
    [],
    'listed as different, but equal',
  )
  t.diagnostic(
    `${vectors.length} vectors: ${same} equal, ${met.size} listed differences, ${[...needs.values()].reduce((a, b) => a + b, 0)} need options that are not supported yet: ${[...needs.keys()].join('; ')}`,
  )
})
