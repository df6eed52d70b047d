/**
 * Looks at the outside of LDAP messages (BER, ITU-T X.690 as RFC 4511 §5.1 narrows it) before the library reads them:
 * it loops for ever over an entry that ends before its list of attributes, and calls itself once for each message in a
 * packet, so that a hostile directory could stop the process.
 */

const OCTETS = 0x04
const SEQUENCE = 0x30
const SET = 0x31
const SEARCH_ENTRY = 0x64
const CONSTRUCTED = 0x20
const LONG_TAG = 0x1f
const DEEPEST = 16

interface Header {
  /** Where the content begins and ends. */
  readonly start: number
  readonly end: number
}

/**
 * Octets of the message that `octets` begin with; undefined where more are needed to tell.
 * @throws RangeError where no message begins like this, or one of more than `limit` octets
 */
export function messageLength(octets: Buffer, limit: number): number | undefined {
  if (octets.length > 0 && octets[0] !== SEQUENCE) throw new RangeError('the octets are no LDAP message')
  const header = readHeader(octets, 0)
  if (header === undefined) return undefined
  if (header.end > limit) throw new RangeError(`a message has more than ${limit} octets`)
  return header.end
}

/** Whether all parts of a whole message fill their places exactly, and an entry is made as one (RFC 4511 §4.5.2). */
export function isSound(message: Buffer): boolean {
  const whole = { tag: SEQUENCE, start: 0, end: message.length }
  if (!isFilled(message, whole, 0)) return false
  const [envelope] = partsOf(message, whole)
  const operation = envelope && partsOf(message, envelope)[1]
  return operation !== undefined && (operation.tag !== SEARCH_ENTRY || isEntry(message, operation))
}

/** A name, then a list of pairs: a type, and a set of values. */
function isEntry(message: Buffer, entry: Part): boolean {
  const [name, list, ...more] = partsOf(message, entry)
  if (name?.tag !== OCTETS || list?.tag !== SEQUENCE || more.length > 0) return false
  return partsOf(message, list).every((attribute) => {
    const [type, values, ...rest] = partsOf(message, attribute)
    return attribute.tag === SEQUENCE && type?.tag === OCTETS && values?.tag === SET && rest.length === 0
  })
}

interface Part extends Header {
  readonly tag: number
}

/** What lies side by side in a part that is known to be filled. */
function partsOf(message: Buffer, { start, end }: Part): readonly Part[] {
  const parts: Part[] = []
  let position = start
  while (position < end) {
    const header = readHeader(message, position)
    if (header === undefined) break
    parts.push({ tag: message[position] ?? 0, ...header })
    position = header.end
  }
  return parts
}

function isFilled(message: Buffer, { start, end }: Header, depth: number): boolean {
  if (depth > DEEPEST) return false
  let position = start
  while (position < end) {
    const tag = message[position] ?? 0
    const part = readHeader(message, position)
    if ((tag & LONG_TAG) === LONG_TAG || part === undefined || part.end > end) return false
    if ((tag & CONSTRUCTED) !== 0 && !isFilled(message, part, depth + 1)) return false
    position = part.end
  }
  return true
}

/** @throws RangeError for lengths that are not definite, or need more than four octets */
function readHeader(octets: Buffer, position: number): Header | undefined {
  const first = octets[position + 1]
  if (first === undefined) return undefined
  if (first < 0x80) return { start: position + 2, end: position + 2 + first }
  const count = first & 0x7f
  if (count === 0 || count > 4) throw new RangeError('the length of a part cannot be read')
  if (octets.length < position + 2 + count) return undefined
  const start = position + 2 + count
  return { start, end: start + octets.readUIntBE(position + 2, count) }
}
