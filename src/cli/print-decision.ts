/** A decision for people: who asked for what, and every criterion with what it saw and where it was written. */
import type { Place } from '../config/place.ts'
import type { ExplainedNode } from '../policy/policy.ts'
import type { Path } from '../policy/problem.ts'
import type { TrialRequest } from '../trial/request.ts'
import { groupsOf, type Subject, subjectName } from '../trial/subject.ts'
import type { TrialOutcome } from '../trial/trial.ts'
import { type Cell, oneLine, type Paint, placeText, printColumns } from './text.ts'

/** `GET https://hello.corp.test/x as bob@corp.test (finance)`. */
export function questionText({ method, url }: TrialRequest, subject: Subject): string {
  return oneLine(`${method} ${url} as ${whoText(subject)}`)
}

function whoText(subject: Subject): string {
  if (subject === 'nobody') return 'nobody'
  return `${subjectName(subject)} (${groupsOf(subject).join(', ') || 'no groups'})`
}

export function outcomePaint(outcome: TrialOutcome, paint: Paint): (text: string) => string {
  if (outcome === 'allow') return paint.good
  return outcome === 'deny' || outcome === 'refused' ? paint.bad : paint.strong
}

interface TreePrinting {
  readonly locate: (source: Path) => Place
  readonly paint: Paint
  readonly indent?: string
}

/** One line for each action, block and criterion; of criteria the value that they saw and their place. */
export function printTree(tree: readonly ExplainedNode[], { locate, paint, indent = '' }: TreePrinting): string {
  const rows: Cell[][] = []
  const walk = (node: ExplainedNode, depth: number) => {
    const isCriterion = node.kind === 'criterion'
    const operand = node.operand === undefined ? '' : ` ${node.operand}`
    rows.push([
      { text: `${'  '.repeat(depth)}${node.name}${operand}` },
      { text: String(node.value), paint: node.value ? paint.good : paint.bad },
      { text: isCriterion ? sawText(node) : '' },
      { text: isCriterion ? placeText(locate(node.source)) : '', paint: paint.dim },
    ])
    for (const child of node.children) walk(child, depth + 1)
  }
  for (const action of tree) walk(action, 0)
  return printColumns(rows, indent)
}

/** Criteria that look at nothing saw nothing; the others say so where there was nothing to see. */
function sawText({ name, saw, reason }: ExplainedNode): string {
  if (reason === 'user-unauthenticated') return 'nobody is signed in'
  if (name === 'accept' || name === 'reject') return ''
  if (name === 'date' || name === 'day_of_week' || name === 'time_of_day') return `saw ${momentText(saw)}`
  const text = JSON.stringify(saw, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  if (text === undefined) return 'saw nothing'
  return `saw ${text.length > 80 ? `${text.slice(0, 79)}…` : text}`
}

function momentText(saw: unknown): string {
  return typeof saw === 'number'
    ? new Date(saw).toISOString().replace('.000Z', 'Z')
    : (JSON.stringify(saw) ?? 'nothing')
}
