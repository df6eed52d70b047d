/** What is wrong (or doubtful) in a configuration, as a value that can be printed, counted and compared. */
import { type ConfigNode, describe, excerptOf, placeOf, type Span } from './node.ts'
import type { Excerpt, Place } from './place.ts'

type ProblemKind =
  | 'syntax'
  | 'file'
  | 'unknown-key'
  | 'removed-key'
  | 'unsupported'
  | 'value'
  | 'contradiction'
  | 'missing'
  | 'policy'
  | 'ignored'
  | 'doubtful'

export interface Problem extends Place {
  readonly severity: 'error' | 'warning'
  readonly kind: ProblemKind
  /** `routes[2].to`; '' for the whole document. */
  readonly path: string
  /** One clause, lower case, without a full stop; it holds `expected` and `found` where there are any. */
  readonly message: string
  readonly expected: string | undefined
  /** Never set for secrets. */
  readonly found: string | undefined
  /** The way out. */
  readonly hint: string | undefined
  readonly excerpt: Excerpt | undefined
}

interface Detail {
  readonly kind: ProblemKind
  readonly path: string
  readonly message: string
  readonly span: Span
  readonly expected?: string | undefined
  readonly found?: string | undefined
  readonly hint?: string | undefined
}

interface Finding {
  readonly severity: Problem['severity']
  readonly detail: Detail
}

/** Collects everything that one reading finds, so that all of it is shown at once. */
export class Findings {
  readonly #all: Finding[] = []

  /** What could not be read (a file, a variable) is told as that, and not as a wrong value besides. */
  error(detail: Detail): void {
    const isConsequence = ({ severity, detail: { span, kind } }: Finding) =>
      severity === 'error' && span === detail.span && (kind === 'file' || kind === 'missing')
    if (detail.kind !== 'value' || !this.#all.some(isConsequence)) this.#add('error', detail)
  }

  warn(detail: Detail): void {
    this.#add('warning', detail)
  }

  /** A value of the wrong kind: "expected X, got Y". */
  mismatch(
    detail: Omit<Detail, 'kind' | 'message' | 'span'> & {
      readonly expected: string
      readonly node: ConfigNode
      readonly secret?: boolean
    },
  ): void {
    const { expected, node, secret = false, ...rest } = detail
    const hidden = secret || (node.kind === 'scalar' && node.hidden === true)
    const found = detail.found ?? (hidden ? undefined : describe(node))
    const message = found === undefined ? `expected ${expected}` : `expected ${expected}, got ${found}`
    this.error({ ...rest, kind: 'value', expected, found, message, span: node.span })
  }

  /** What another reading found, as doubts: for settings that are somebody else's to judge. */
  warnAll(other: Findings, isTold: (detail: Detail) => boolean): void {
    for (const { detail } of other.#all) if (isTold(detail)) this.#add('warning', detail)
  }

  /** How many errors there are so far: whoever reads a part can tell whether it was right. */
  get errorCount(): number {
    return this.#all.filter(({ severity }) => severity === 'error').length
  }

  get errors(): readonly Problem[] {
    return this.#problems('error')
  }

  get warnings(): readonly Problem[] {
    return this.#problems('warning')
  }

  #add(severity: Problem['severity'], detail: Detail): void {
    this.#all.push({ severity, detail })
  }

  /** By file in the order they were first met, then by line. Lines are cut out here, when every secret is known and masked. */
  #problems(severity: Problem['severity']): readonly Problem[] {
    const files = [...new Set(this.#all.map(({ detail }) => detail.span.source.name))]
    const rank = new Map(files.map((file, index) => [file, index]))
    return this.#all
      .filter((finding) => finding.severity === severity)
      .map(({ detail }) => problemOf(severity, detail))
      .sort((a, b) => (rank.get(a.file) ?? 0) - (rank.get(b.file) ?? 0) || a.line - b.line || a.column - b.column)
  }
}

function problemOf(severity: Problem['severity'], detail: Detail): Problem {
  const { span, kind, path, message, expected, found, hint } = detail
  const place = placeOf(span)
  return {
    severity,
    kind,
    ...place,
    path,
    message,
    expected,
    found,
    hint,
    excerpt: place.line === 0 ? undefined : excerptOf(span),
  }
}

/** `['routes', 2, 'to']` → `routes[2].to`. */
export function printPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  )
}
