/** Prints every generated page: `npm run docs`. With --check it writes nothing and fails where a page is out of date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { generatedPages } from './generated-pages.ts'

const isCheck = process.argv.includes('--check')
let stale = 0

for (const { path, text } of generatedPages()) {
  const file = new URL(`../${path}`, import.meta.url)
  if (readOrNothing(file) === text) continue
  if (isCheck) {
    stale++
    process.stderr.write(`${path} is out of date: run npm run docs\n`)
  } else {
    writeFileSync(file, text)
    process.stdout.write(`printed ${path}\n`)
  }
}
process.exitCode = stale > 0 ? 1 : 0

function readOrNothing(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
