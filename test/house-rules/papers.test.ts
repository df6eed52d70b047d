import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { generatedPages } from '../../docs/generated-pages.ts'
import { root } from './source-files.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')

for (const { path, text } of generatedPages()) {
  test(`${path} is what npm run docs prints`, () => {
    assert.ok(existsSync(join(root, path)), `${path} is missing: run npm run docs`)
    // Not assert.equal: its difference of two long texts is longer than both.
    assert.ok(read(path) === text, `${path} is out of date: run npm run docs`)
  })
}

/** Paths in code marks: `src/…`, `wire/accept.ts`, `test/run.ts`; placeholders and patterns are none. */
function pathsOf(text: string): string[] {
  const marked = [...text.matchAll(/`([^`\s]+)`/g)].map(([, path = '']) => path)
  return marked.filter(
    (path) =>
      /^(?:src|test|docs|bench|policies|certs|\.ci)\/[\w./-]*$/.test(path) ||
      /^(?:cli|listener|endpoints|snapshot|config|route|session|identity|policy|forward|respond|broker|crypto|wire|observe|errors|trial)\/[\w./-]*$/.test(
        path,
      ),
  )
}

test('every path that ARCHITECTURE.md, CONTRIBUTING.md and README.md name exists', () => {
  const missing = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'README.md'].flatMap((paper) =>
    existsSync(join(root, paper))
      ? pathsOf(read(paper))
          .filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, 'src', path)))
          .map((path) => `${paper}: ${path}`)
      : [`${paper} is missing`],
  )
  assert.deepEqual(missing, [])
})

test('every folder of src/ has its place in ARCHITECTURE.md', () => {
  const text = read('ARCHITECTURE.md')
  const untold = globSync('src/*/', { cwd: root })
    .map((path) => path.replace(/^src\/|\/$/g, ''))
    .filter((name) => !text.includes(`${name}/`))
  assert.deepEqual(untold, [])
})

test('links between our papers lead somewhere', () => {
  const papers = globSync('{*.md,docs/**/*.md,policies/**/*.md,certs/*.md}', { cwd: root })
  const broken = papers.flatMap((paper) =>
    [...read(paper).matchAll(/\]\((?!\w+:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(root, dirname(paper), target)))
      .map((target) => `${paper}: ${target}`),
  )
  assert.deepEqual(broken, [])
})

test('every run-time dependency has a page in docs/decisions/', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const titles = globSync('docs/decisions/*.md', { cwd: root }).join('\n')
  const untold = Object.keys(dependencies).filter((name) => !titles.includes(name.replace(/^@[^/]+\//, '')))
  assert.deepEqual(untold, [])
})
