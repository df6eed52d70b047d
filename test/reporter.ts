/** What a log of CI needs: every failure in full, every skipped test with its reason, coverage by file, Node's summary at the end. */

import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

type Fail = Extract<TestEvent, { type: 'test:fail' }>['data']
type Coverage = Extract<TestEvent, { type: 'test:coverage' }>['data']['summary']

/** Files that are covered less than this are named. */
const wanted = 90

async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const summary: string[] = []
  const skipped: string[] = []
  let coverage: Coverage | undefined
  for await (const { type, data } of events) {
    switch (type) {
      case 'test:fail':
        // A file or suite that fails only because something inside it did has been told already.
        if (!isOnlyParent(data)) yield failure(data)
        break
      case 'test:pass':
        if (data.skip !== undefined)
          skipped.push(`  ${data.name}${typeof data.skip === 'string' ? `: ${data.skip}` : ''}`)
        break
      case 'test:stderr':
        yield data.message
        break
      case 'test:coverage':
        coverage = data.summary
        break
      case 'test:diagnostic':
        if (data.nesting === 0) summary.push(`ℹ ${data.message}\n`)
        break
      default:
    }
  }
  if (coverage) yield coverageTable(coverage)
  if (skipped.length > 0) yield `\nskipped:\n${skipped.join('\n')}\n`
  yield `\n${summary.join('')}`
}

// Node takes a reporter from the default export of its file.
// biome-ignore lint/style/noDefaultExport: see above
export default report

function isOnlyParent(data: Fail): boolean {
  const { error } = data.details
  return 'failureType' in error && error.failureType === 'subtestsFailed'
}

function failure({ name, file, line, details }: Fail): string {
  const cause = details.error.cause ?? details.error
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause)
  return `\n✖ ${name}\n  ${file ?? ''}${line === undefined ? '' : `:${line}`}\n${text.replace(/^/gm, '  ')}\n`
}

function coverageTable({ files, totals, workingDirectory }: Coverage): string {
  const low = files
    .filter(({ coveredLinePercent }) => coveredLinePercent < wanted)
    .sort((one, other) => one.coveredLinePercent - other.coveredLinePercent)
    .map(
      ({ path, coveredLinePercent }) =>
        `  ${percent(coveredLinePercent)} ${path.replace(`${workingDirectory}/`, '')}\n`,
    )
  const { coveredLinePercent: lines, coveredBranchPercent: branches, coveredFunctionPercent: functions } = totals
  const all = `\ncoverage: lines ${percent(lines)}, branches ${percent(branches)}, functions ${percent(functions)}\n`
  return low.length === 0 ? all : `${all}files with less than ${wanted} % of their lines:\n${low.join('')}`
}

function percent(value: number): string {
  return `${value.toFixed(1).padStart(5)} %`
}
