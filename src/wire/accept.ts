/** What kind of answer a client would rather read: the `Accept` field (RFC 9110 §12.5.1). */

/**
 * The one of `types` that the client likes best: by q-value, then by how precisely it was named, then by our order.
 * Where the field is missing, broken, or fits none of them, the first: an answer is better than none.
 */
export function preferredType<T extends string>(accept: string | undefined, types: readonly [T, ...T[]]): T {
  const ranges = readRanges(accept)
  let best: { type: T; weight: Weight } | undefined
  for (const type of types) {
    const weight = weigh(ranges, type)
    if (weight.quality > 0 && (best === undefined || isHeavier(weight, best.weight))) best = { type, weight }
  }
  return best?.type ?? types[0]
}

/** Whether `type` is acceptable; a missing or broken field accepts everything. */
export function acceptsType(accept: string | undefined, type: string): boolean {
  const ranges = readRanges(accept)
  return ranges.length === 0 || weigh(ranges, type).quality > 0
}

interface Weight {
  readonly quality: number
  /** 0 for the range of everything, 1 for `text/*`, 2 for `text/html`, 3 with parameters; -1 for no match. */
  readonly precision: number
}

interface Range extends Weight {
  readonly type: string
  readonly subtype: string
}

function isHeavier(one: Weight, other: Weight): boolean {
  return one.quality === other.quality ? one.precision > other.precision : one.quality > other.quality
}

/** The most precise range that fits decides, whatever its q-value. */
function weigh(ranges: readonly Range[], mediaType: string): Weight {
  const [type = '', subtype = ''] = mediaType.split('/')
  let fit: Weight = { quality: 0, precision: -1 }
  for (const range of ranges) {
    if (range.type !== '*' && range.type !== type) continue
    if (range.subtype !== '*' && range.subtype !== subtype) continue
    if (range.precision > fit.precision || (range.precision === fit.precision && range.quality > fit.quality))
      fit = range
  }
  return fit
}

function readRanges(accept: string | undefined): Range[] {
  const ranges: Range[] = []
  if (accept === undefined) return ranges
  for (const member of accept.split(',')) {
    const range = readRange(member)
    if (range) ranges.push(range)
  }
  return ranges
}

const rangeSyntax = /^([!#$%&'*+\-.^_`|~0-9a-z]+)\/([!#$%&'*+\-.^_`|~0-9a-z]+)$/
const qualitySyntax = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/

function readRange(member: string): Range | undefined {
  const [range = '', ...parameters] = member.split(';').map((part) => part.trim().toLowerCase())
  const [, type, subtype] = rangeSyntax.exec(range) ?? []
  if (type === undefined || subtype === undefined || (type === '*' && subtype !== '*')) return undefined
  let quality = 1
  let more = 0
  for (const parameter of parameters) {
    if (!parameter.startsWith('q=')) {
      if (parameter !== '') more = 1
      continue
    }
    const text = parameter.slice(2)
    if (!qualitySyntax.test(text)) return undefined
    quality = Number(text)
    break // what follows q belongs to the obsolete accept-ext
  }
  return { type, subtype, quality, precision: type === '*' ? 0 : subtype === '*' ? 1 : 2 + more }
}
