/** People from a file, for an access review: a list of who they are, or cases that say it. */
import { FileReader, type ReadFile } from '../../config/file-reader.ts'
import { type ConfigNode, plainOf, spanAt } from '../../config/node.ts'
import { Source } from '../../config/place.ts'
import { Findings, type Problem } from '../../config/problem.ts'
import { readYaml } from '../../config/read-yaml.ts'
import { isMap } from '../../policy/rules.ts'
import { readWho } from '../read-question.ts'
import type { Person } from '../subject.ts'

export interface PeopleReading {
  /** Everybody once. */
  readonly people: readonly Person[]
  readonly problems: readonly Problem[]
}

/** Reads `- {email: …, groups: […], claims: {…}}`, or `- {who: {…}, …}` as cases have it. */
export async function readPeople(
  path: string,
  { cwd, readFile }: { readonly cwd?: string | undefined; readonly readFile?: ReadFile | undefined },
): Promise<PeopleReading> {
  const findings = new Findings()
  const read = await new FileReader({ cwd: cwd ?? process.cwd(), readFile }).read(path)
  const source = new Source('file', path, read.kind === 'text' ? read.text : '')
  if (read.kind !== 'text') {
    const span = { source, start: 0, end: 0 }
    findings.error({ kind: 'file', path: '', message: `cannot read the people: ${read.reason}`, span })
    return { people: [], problems: findings.errors }
  }
  const node = readYaml(source, findings)
  if (node !== undefined && node.kind !== 'list') findings.mismatch({ path: '', expected: 'a list of people', node })
  const people = node?.kind === 'list' ? node.items.flatMap((item) => readPerson(item, findings)) : []
  const apart = new Map(people.map((person) => [JSON.stringify(person), person]))
  return { people: [...apart.values()], problems: findings.errors }
}

function readPerson(node: ConfigNode, findings: Findings): readonly Person[] {
  const map = plainOf(node, true)
  const isCase = isMap(map) && 'who' in map
  let isGood = true
  const subject = readWho(isCase ? map['who'] : map, (path, message) => {
    isGood = false
    const inside = isCase ? path : path.slice(1)
    findings.error({ kind: 'value', path: inside.join('.'), message, span: spanAt(node, inside, true).span })
  })
  // Nobody has a row of their own in every review.
  return isGood && subject !== 'nobody' ? [subject] : []
}
