import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importsOf, sourceFiles } from './source-files.ts'

/** From the top of the hill down: an area takes values from those below it and from itself. One line is one height. */
const heights: readonly (readonly string[])[] = [
  ['main'],
  ['cli'],
  ['lint'],
  ['trial'],
  ['listener'],
  ['pipeline'],
  ['snapshot'],
  ['endpoints'],
  ['config', 'route', 'session', 'identity', 'policy', 'forward', 'respond', 'broker'],
  ['crypto', 'observe', 'outbound'],
  ['wire', 'errors'],
]

/** Built-in modules that touch the world, and who may. A type import is nobody's business. */
const builtIns: Readonly<Record<string, readonly string[]>> = {
  'node:http': ['listener', 'forward', 'broker', 'cli', 'respond'],
  'node:http2': ['listener', 'forward'],
  'node:https': ['forward', 'broker', 'cli', 'listener'],
  'node:tls': ['listener', 'forward', 'snapshot', 'crypto', 'cli', 'broker', 'outbound'],
  'node:net': ['listener', 'forward', 'cli', 'wire', 'policy', 'route', 'config', 'broker', 'outbound'],
  'node:fs': ['config', 'cli', 'observe', 'main', 'broker'],
  'node:fs/promises': ['config', 'cli'],
  'node:child_process': ['cli'],
  'node:cluster': ['main', 'cli'],
  'node:worker_threads': ['broker'],
  'node:vm': [],
}

const files = sourceFiles('src/**/*.ts')

/** `src/policy/criteria/email.ts` is of `policy`, `src/main.ts` of `main`. */
function areaOf(path: string): string {
  return /^src\/([^/.]+)/.exec(path)?.[1] ?? path
}

function heightOf(area: string): number {
  const height = heights.findIndex((areas) => areas.includes(area))
  assert.notEqual(height, -1, `src/${area} has no place on the hill: add it to this test and to ARCHITECTURE.md`)
  return height
}

test('values flow downhill only, and stations take none from each other', () => {
  const uphill = files.flatMap(({ path, imports }) =>
    imports
      .filter(({ from, isRelative, isType }) => isRelative && !isType && from.startsWith('src/'))
      .filter(({ from }) => areaOf(from) !== areaOf(path) && heightOf(areaOf(from)) <= heightOf(areaOf(path)))
      .map(({ from }) => `${path} takes a value from ${from}`),
  )
  assert.deepEqual(uphill, [])
})

test('wire/ and errors/ import nothing but themselves and pure address functions', () => {
  const outside = files
    .filter(({ path }) => ['wire', 'errors'].includes(areaOf(path)))
    .flatMap(({ path, imports }) =>
      imports
        .filter(({ from, isRelative }) => (isRelative ? areaOf(from) !== areaOf(path) : from !== 'node:net'))
        .map(({ from }) => `${path} imports ${from}`),
    )
  assert.deepEqual(outside, [])
})

test('only those who should touch the network and the disk', () => {
  const strangers = files.flatMap(({ path, imports }) =>
    imports
      .filter(({ from, isType }) => !isType && Object.hasOwn(builtIns, from) && !builtIns[from]?.includes(areaOf(path)))
      .map(({ from }) => `${path} imports ${from}`),
  )
  assert.deepEqual(strangers, [])
})

test('nothing in src/ imports from test/, bench/ or docs/, and relative imports name their file', () => {
  const odd = files.flatMap(({ path, imports }) =>
    imports
      .filter(({ from, isRelative }) => isRelative && (!from.startsWith('src/') || !from.endsWith('.ts')))
      .map(({ from }) => `${path} imports ${from}`),
  )
  assert.deepEqual(odd, [])
})

test('importing does nothing: only src/main.ts runs on import', () => {
  const running = files
    .filter(({ path }) => path !== 'src/main.ts')
    .filter(({ text }) => /^(?:await |process\.(?:on|once|exit)\b|set(?:Timeout|Interval)\()/m.test(text))
    .map(({ path }) => path)
  assert.deepEqual(running, [])
})

test('the reader of imports tells values from types', () => {
  const text = `/** import { no } from './comment.ts' */
import type { A } from './a.ts'
import { type B } from './b.ts'
import {
  c,
  type D,
} from './c.ts'
import type E from 'e'
import F, { g } from 'f'
import * as h from '#src/wire/h.ts'
import './side.ts'
export { i } from './i.ts'
export type { J } from './j.ts'
import type from 'type'
// import { k } from './k.ts'
const l = await import('./l.ts')
`
  assert.deepEqual(
    importsOf(text, 'src/x/y.ts').map(({ from, isType }) => `${from} ${isType ? 'type' : 'value'}`),
    [
      'src/x/a.ts type',
      'src/x/b.ts value',
      'src/x/c.ts value',
      'e type',
      'f value',
      'src/wire/h.ts value',
      'src/x/side.ts value',
      'src/x/i.ts value',
      'src/x/j.ts type',
      'type value',
      'src/x/l.ts value',
    ],
  )
})
