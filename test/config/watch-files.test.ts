import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fingerprintOf } from '#src/config/file-reader.ts'
import { type WatchOptions, watchFiles } from '#src/config/watch-files.ts'

const folder = () => mkdtempSync(join(tmpdir(), 'ostiary-watch-'))

/** A watch whose calls can be awaited. */
function watching(paths: readonly string[], options: WatchOptions = {}) {
  const calls: (readonly string[])[] = []
  let wake = Promise.withResolvers<void>()
  const watch = watchFiles(
    paths,
    (changed) => {
      calls.push(changed)
      wake.resolve()
    },
    { settle: 20, poll: 200, ...options },
  )
  return {
    calls,
    async next(): Promise<readonly string[]> {
      if (calls.length === 0) await wake.promise
      wake = Promise.withResolvers()
      return calls.shift() ?? []
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  }
}

/** Long enough for two polls and their second looks. */
const rest = () => pause(700)

test('a file that is written, replaced by rename, removed and made again is told each time', async () => {
  const file = join(folder(), 'gate.yaml')
  writeFileSync(file, 'a')
  using watch = watching([file], { known: new Map([[file, fingerprintOf('a')]]) })
  writeFileSync(file, 'b')
  assert.deepEqual(await watch.next(), [file])
  writeFileSync(`${file}.new`, 'c')
  renameSync(`${file}.new`, file)
  assert.deepEqual(await watch.next(), [file])
  rmSync(file)
  assert.deepEqual(await watch.next(), [file])
  writeFileSync(file, 'd')
  assert.deepEqual(await watch.next(), [file])
})

test('a change between the reading and the start of the watch is told', async () => {
  const file = join(folder(), 'gate.yaml')
  writeFileSync(file, 'new')
  using watch = watching([file], { known: new Map([[file, fingerprintOf('old')]]) })
  assert.deepEqual(await watch.next(), [file])
})

test('links that are turned as Kubernetes does are told once', async () => {
  const place = folder()
  for (const [name, text] of [
    ['..one', 'a'],
    ['..two', 'b'],
  ] as const) {
    mkdirSync(join(place, name))
    writeFileSync(join(place, name, 'gate.yaml'), text)
  }
  symlinkSync('..one', join(place, '..data'))
  symlinkSync('..data/gate.yaml', join(place, 'gate.yaml'))
  const file = join(place, 'gate.yaml')
  using watch = watching([file], { known: new Map([[file, fingerprintOf('a')]]) })
  symlinkSync('..two', join(place, '..data_tmp'))
  renameSync(join(place, '..data_tmp'), join(place, '..data'))
  assert.deepEqual(await watch.next(), [file])
  await rest()
  assert.deepEqual(watch.calls, [])
})

test('a file in a folder that does not exist yet is told when it comes', async () => {
  const place = join(folder(), 'later')
  const file = join(place, 'secret')
  using watch = watching([file], { known: new Map([[file, fingerprintOf(undefined)]]) })
  mkdirSync(place)
  writeFileSync(file, 'x')
  assert.deepEqual(await watch.next(), [file])
})

test('a touch, the same content again and files that are not watched tell nothing', async () => {
  const place = folder()
  const file = join(place, 'gate.yaml')
  writeFileSync(file, 'a')
  using watch = watching([file], { known: new Map([[file, fingerprintOf('a')]]) })
  utimesSync(file, new Date(), new Date())
  writeFileSync(join(place, 'other'), 'x')
  writeFileSync(`${file}.new`, 'a')
  renameSync(`${file}.new`, file)
  await rest()
  assert.deepEqual(watch.calls, [])
})

test('a file that is still being written is told when it has come to rest, once', async () => {
  const file = join(folder(), 'gate.yaml')
  writeFileSync(file, '')
  using watch = watching([file], { settle: 150, known: new Map([[file, fingerprintOf('')]]) })
  for (let step = 1; step <= 10; step++) {
    writeFileSync(file, 'x'.repeat(step))
    await pause(30)
  }
  await watch.next()
  await rest()
  assert.deepEqual(watch.calls, [])
})

test('after its end a watch tells nothing', async () => {
  const file = join(folder(), 'gate.yaml')
  writeFileSync(file, 'a')
  const watch = watching([file])
  watch[Symbol.dispose]()
  writeFileSync(file, 'b')
  await rest()
  assert.deepEqual(watch.calls, [])
})
