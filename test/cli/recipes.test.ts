import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConnectorFile } from '#src/config/dex/read-connector-file.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/connector-recipes.md'), 'utf8')
const directory = readFileSync(join(root, 'docs/nextcloud-behind-freeipa.md'), 'utf8')
/** What `idp test` calls its steps. */
const STEP = /^(?:name resolution|TLS|open|bind|search base|user search|attributes|groups|routes): /

test('every connector of the recipes loads, and comes back to the same address', () => {
  const recipes = [...page.matchAll(/^```yaml\n# (\S+)\n(.*?)^```$/gms)]
  assert.ok(recipes.length >= 9, `${recipes.length} recipes`)
  for (const [, name = '', text = ''] of recipes) {
    const read = readConnectorFile(text, { name, check: true })
    assert.equal(read.kind, 'ok', JSON.stringify(read.kind === 'problems' && read.problems))
    if (read.kind !== 'ok') continue
    assert.equal(read.connectors.length, 1, name)
    assert.equal(read.connectors[0]?.config?.['redirectURI'], 'https://sso.corp.test/dex/callback', name)
  }
})

test('every refusal in the recipes, and of the directory in its guide, is one of ours, word for word', () => {
  const source = globSync('src/broker/**/*.ts', { cwd: root })
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n')
    // Texts are made of pieces, with values between.
    .replace(/\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}/g, '…')
  const cellsOf = (text: string) => [...text.matchAll(/^\| (.*) \| .* \|$/gm)].map(([, cell = '']) => cell)
  const steps = cellsOf(directory).filter((cell) => STEP.test(cell.replace('`', '')))
  assert.equal(steps.length, 11)
  const told = [...cellsOf(page), ...steps]
    .flatMap((cell) => [...cell.matchAll(/`([^`]{18,})`/g)].map(([, text = '']) => text))
    .map((text) => text.replace(STEP, ''))
  assert.ok(told.length > 30, `${told.length} refusals`)
  for (const text of told) {
    // Values of the example are not in the source.
    const pieces = text
      .replace(
        /"[^"]*"|\b(?:auth0|entra|microsoft|keycloak|google|ada|corp)\b|GitHub|GitLab|\(E[A-Z]+\)|\b\d+\b|(?<=answer to) |(?:freeipa\.|uid=)[\w.=]+|(?<=claim |missing: )(?:name|e?mail)\b|\b[a-z]+(?:_[a-z]+)+\b/g,
        '…',
      )
      .split(/…|: /)
      .map((piece) => piece.replace(/^[\s:;,()]+|[\s:;,()]+$/g, ''))
      .filter((piece) => piece.length >= 4)
    assert.ok(pieces.length > 0, text)
    for (const piece of pieces) assert.ok(source.includes(piece), `${JSON.stringify(piece)} of ${JSON.stringify(text)}`)
  }
})
