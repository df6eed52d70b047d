/** Results of cases as JUnit XML, the form that every CI server reads. */

export interface JunitSuite {
  readonly name: string
  readonly cases: readonly JunitCase[]
}

export interface JunitCase {
  readonly name: string
  /** The route that took the request, or the decision where none did. */
  readonly group: string
  readonly file: string
  readonly line: number
  /** The first line is the message. */
  readonly failure: string | undefined
}

export function printJunit(suites: readonly JunitSuite[]): string {
  const all = suites.flatMap(({ cases }) => cases)
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${counts(all)}>\n${suites.map(printSuite).join('')}</testsuites>\n`
}

function printSuite({ name, cases }: JunitSuite): string {
  return `  <testsuite name=${quoted(name)} ${counts(cases)}>\n${cases.map(printCase).join('')}  </testsuite>\n`
}

function printCase({ name, group, file, line, failure }: JunitCase): string {
  const head = `    <testcase name=${quoted(name)} classname=${quoted(group)} file=${quoted(file)} line="${line}"`
  if (failure === undefined) return `${head}/>\n`
  const [message = ''] = failure.split('\n')
  return `${head}>\n      <failure message=${quoted(message)}>${escaped(failure)}</failure>\n    </testcase>\n`
}

function counts(cases: readonly JunitCase[]): string {
  return `tests="${cases.length}" failures="${cases.filter(({ failure }) => failure !== undefined).length}"`
}

function quoted(text: string): string {
  return `"${escaped(text).replace(/\n/g, '&#10;')}"`
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** XML 1.0 has no place for most control characters and for lone surrogates, not even escaped (§2.2). */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g, '?')
    .replace(/[&<>"]/g, (sign) => entities[sign] ?? sign)
}
