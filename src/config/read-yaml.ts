/** Text of a file or variable to nodes with positions. YAML 1.2, and JSON, which is a part of it. */
import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml'
import { maskByName } from './masks.ts'
import type { ConfigNode, Span } from './node.ts'
import type { Source } from './place.ts'
import type { Findings } from './problem.ts'
import { Walker } from './walk-yaml.ts'

/** Our sentence for each error of the parser, since its own may quote the text. */
const sentences: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias cannot have properties',
  BAD_ALIAS: 'an alias without a name, or one whose anchor is not defined before it',
  BAD_DIRECTIVE: 'a directive that is not known',
  BAD_DQ_ESCAPE: 'an escape that double quotes do not know',
  BAD_INDENT: 'the indentation does not fit what is above it (or a bracket is not closed)',
  BAD_PROP_ORDER: 'anchors and tags must come after the indicators',
  BAD_SCALAR_START: 'text cannot begin with this character; put it into quotes',
  BLOCK_AS_IMPLICIT_KEY: 'nested maps on one line; is a line break or a quote missing?',
  BLOCK_IN_FLOW: 'a block inside of brackets',
  DUPLICATE_KEY: 'the same key twice',
  IMPOSSIBLE: 'the text makes no sense here',
  KEY_OVER_1024_CHARS: 'a key of more than 1024 characters',
  MISSING_CHAR: 'a character is missing: a quote, a comma, a colon or a bracket',
  MULTILINE_IMPLICIT_KEY: 'a key over several lines; is a colon or a quote missing?',
  MULTIPLE_ANCHORS: 'two anchors on one value',
  MULTIPLE_DOCS: 'more than one document; one file holds one configuration',
  MULTIPLE_TAGS: 'two tags on one value',
  NON_STRING_KEY: 'a key that is no text',
  TAB_AS_INDENT: 'a tab as indentation; YAML takes blanks only',
  TAG_RESOLVE_FAILED: 'a tag that is not known, or a value that does not fit it',
  UNEXPECTED_TOKEN: 'this does not belong here; is a quote, a dash or a line break missing?',
  RESOURCE_EXHAUSTION: 'nested too deep',
}

/** Reads one document. Undefined after a syntax problem; a null scalar for an empty document. */
export function readYaml(source: Source, findings: Findings): ConfigNode | undefined {
  const lineCounter = new LineCounter()
  // Tabs between JSON's tokens are legal, and never occur raw inside its strings; YAML would take them for indentation.
  const text = source.name.toLowerCase().endsWith('.json') ? source.text.replace(/\t/g, ' ') : source.text
  const documents = parse(text, lineCounter, source, findings)
  if (documents === undefined) return undefined
  const errors = documents.flatMap((document) => document.errors)
  if (errors.length > 0) reportErrors(errors, source, findings)
  if (errors.length > 0) return undefined
  const [document, second] = documents
  const whole: Span = { source, start: 0, end: Math.min(1, source.text.length) }
  if (document === undefined || document.contents === null)
    return { kind: 'scalar', value: null, written: '', span: whole }
  if (second !== undefined) {
    const start = second.range[0]
    findings.error({
      kind: 'syntax',
      path: '',
      message: sentences['MULTIPLE_DOCS'] ?? '',
      span: { source, start, end: start + 3 },
    })
    return undefined
  }
  return new Walker(source, findings).read(document.contents)
}

function parse(
  text: string,
  lineCounter: LineCounter,
  source: Source,
  findings: Findings,
): Document.Parsed[] | undefined {
  try {
    const documents = parseAllDocuments(text, {
      version: '1.2',
      lineCounter,
      prettyErrors: false,
      uniqueKeys: false,
      merge: true,
      logLevel: 'silent',
    })
    return Array.isArray(documents) ? [...documents] : []
  } catch {
    // Deep nesting can exhaust the parser's stack.
    findings.error({
      kind: 'syntax',
      path: '',
      message: 'the text cannot be parsed: nested too deep',
      span: { source, start: 0, end: 1 },
    })
    return undefined
  }
}

/** What follows from a slip is no slip of its own: the first few tell enough. */
const mostErrors = 3
/** `issuer: {{ .Values.issuer }}`, `{{- if … }}` of Helm, gomplate and their like. */
const template = /^[ \t]*(?:- +)?(?:[\w.-]+: +)?\{\{/m

function reportErrors(errors: readonly YAMLError[], source: Source, findings: Findings): void {
  const marked = template.exec(source.text)
  if (!marked) {
    for (const error of errors.slice(0, mostErrors)) reportSyntax(error, source, findings)
    return
  }
  maskSuspects(source)
  const start = marked.index + marked[0].length - 2
  findings.error({
    kind: 'syntax',
    path: '',
    message: 'this is a template, not YAML yet',
    hint: 'render it first, and give what comes out: helm template, gomplate or whatever it was written for',
    span: { source, start, end: start + 2 },
  })
}

function reportSyntax(error: YAMLError, source: Source, findings: Findings): void {
  maskSuspects(source)
  const [start, end] = error.pos
  const message = sentences[error.code] ?? 'the text is no YAML'
  const hint = start >= source.text.trimEnd().length ? 'the text ends too early: is the file half-written?' : undefined
  findings.error({
    kind: 'syntax',
    path: '',
    message,
    hint,
    span: { source, start: Math.min(start, Math.max(0, source.text.length - 1)), end },
  })
}

/** Without a parsed document nobody knows which text is a secret; what looks like one is masked. */
function maskSuspects(source: Source): void {
  maskByName(source)
  for (const match of source.text.matchAll(/[A-Za-z0-9+/=_-]{20,}/g))
    source.mask(match.index, match.index + match[0].length)
}
