import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalog } from '#src/errors/catalog.ts'
import { sourceFiles, withoutComments } from './source-files.ts'

const sources = sourceFiles('src/**/*.ts').filter(({ path }) => path !== 'src/errors/catalog.ts')

/** Where `code` stands as a text of its own. */
function names(texts: readonly { text: string }[], code: string): boolean {
  return texts.some(
    ({ text }) => new RegExp(`['"\`]${code}['"\`]`).test(withoutComments(text)) || new RegExp(`\\b${code}:`).test(text),
  )
}

for (const code of Object.keys(catalog)) {
  test(`${code} is used outside of the catalogue`, () => {
    const used = sources.filter(({ path }) => !path.startsWith('src/respond/pages/'))
    assert.ok(names(used, code) || usesRow(code), `nothing throws ${code}`)
  })
}

function usesRow(code: string): boolean {
  return sources.some(({ text }) => text.includes(`catalog.${code}`))
}

test('every code that is thrown by name has a row', () => {
  const thrown = sources.flatMap(({ path, text }) =>
    [...withoutComments(text).matchAll(/new ProxyError\(\s*['"]([A-Z_]+)['"]/g)].map(([, code = '']) => ({
      path,
      code,
    })),
  )
  assert.ok(thrown.length > 10)
  assert.deepEqual(
    thrown.filter(({ code }) => !Object.hasOwn(catalog, code)),
    [],
  )
})

test('sentences for people are sentences: a capital, a full stop, no secret words of ours', () => {
  for (const [code, { text, advice }] of Object.entries(catalog)) {
    for (const sentence of [text, advice]) {
      if (sentence !== '') assert.match(sentence, /^[A-Z].*[.]$/, code)
    }
    assert.doesNotMatch(`${text} ${advice}`, /undefined|null|upstream|exception/i, code)
  }
})

test('a failure is told loudly only when it is ours: 4xx at info or warn, 5xx at warn or error', () => {
  for (const [code, { status, level }] of Object.entries(catalog)) {
    const levels = status < 400 ? ['debug', 'info'] : status < 500 ? ['info', 'warn'] : ['info', 'warn', 'error']
    assert.ok(levels.includes(level), `${code}: ${status} at ${level}`)
  }
})

test('only respond/ reads the sentences of the rows', () => {
  const reads = /catalog(?:\[[^\]]*\]|\.[A-Z_]+)\.(?:text|advice)|\{[^}]*\b(?:text|advice)\b[^}]*\} = catalog\b/
  const readers = sources.filter(({ text }) => reads.test(text)).map(({ path }) => path)
  assert.ok(readers.length > 0)
  assert.deepEqual(
    readers.filter((path) => !path.startsWith('src/respond/')),
    [],
  )
})
