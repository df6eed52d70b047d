/**
 * Runs the tests: `npm test [-- FILE…]`. Without names all of test/; --coverage adds Node's own coverage of all of src/.
 * OSTIARY_TEST_REQUIRE=all makes a missing program (nginx, Chromium …) a failure where it is a skipped test otherwise.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const wishes = process.argv.slice(2)
const names = wishes.filter((wish) => !wish.startsWith('--'))
const files = names.length > 0 ? names : globSync('test/**/*.test.ts', { cwd: root }).sort()

const coverage = ['--experimental-test-coverage', '--test-coverage-include=src/**/*.ts', '--test-coverage-include-all']

const options = [
  '--test',
  // A person reads sentences; a log of CI reads what failed, and the summary.
  `--test-reporter=${process.stdout.isTTY ? 'spec' : fileURLToPath(new URL('reporter.ts', import.meta.url))}`,
  `--test-concurrency=${Math.min(4, availableParallelism())}`,
  '--test-timeout=300000',
  ...(wishes.includes('--coverage') ? coverage : []),
  ...wishes.filter((wish) => wish.startsWith('--') && wish !== '--coverage'),
]

const child = spawn(process.execPath, [...options, ...files], { cwd: root, stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.once('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1
})
