/** Text as a JSON string, quickly: most of what a request line holds needs no escape at all. */

/** Longer values are cut, so that one request cannot write a line of any length. */
const longest = 8192

const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/** `text` as a JSON string in quotes; controls of C1 are escaped too, since terminals obey them. */
export function jsonText(text: string): string {
  if (text.length <= longest && plain.test(text)) return `"${text}"`
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text
  return escapeControls(JSON.stringify(cut))
}

/** JSON text without the controls that JSON itself leaves alone: DEL, those of C1, and Unicode's line ends. */
export function escapeControls(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** `text` as a JSON string, whole and exact, for records that are read again. */
export function wholeText(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text)
}

export function jsonList(texts: readonly string[]): string {
  let line = ''
  for (const text of texts) line += line === '' ? jsonText(text) : `,${jsonText(text)}`
  return `[${line}]`
}

let second = Number.NaN
let prefix = ''

/** RFC 3339 with milliseconds, in UTC. The part down to the second is kept from one call to the next. */
export function timeText(now: number): string {
  const whole = Math.floor(now / 1000)
  if (whole !== second) {
    prefix = new Date(whole * 1000).toISOString().slice(0, 20)
    second = whole
  }
  return `${prefix}${String(1000 + Math.floor(now - whole * 1000)).slice(1)}Z`
}
