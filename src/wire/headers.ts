/** Flat header lists (name in lower case, value, name, value …): how they are read, and which fields end at this hop. */

/** Name (lower case), value, name, value … in the order sent; a repeated field stands several times. */
export type HeaderList = readonly string[]

/**
 * Fields that concern one connection only and are never carried on (RFC 9110 §7.6.1, and `proxy-connection`,
 * `keep-alive` and `http2-settings`, which older clients send). What `Connection` names joins them: connectionOptions.
 */
export const hopByHopHeaders: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * The value of field `name` (lower case), or undefined where it is absent. Repeated fields are joined by ', '
 * (RFC 9110 §5.3), `cookie` by '; ' (RFC 9113 §8.2.3). Not for `set-cookie`, which has no joined form.
 */
export function headerOf(list: HeaderList, name: string): string | undefined {
  let found: string | undefined
  for (let at = 0; at < list.length; at += 2) {
    if (list[at] !== name) continue
    const value = list[at + 1] ?? ''
    found = found === undefined ? value : `${found}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return found
}

/** Every value of field `name` (lower case), in the order sent. */
export function headersOf(list: HeaderList, name: string): string[] {
  const values: string[] = []
  for (let at = 0; at < list.length; at += 2) if (list[at] === name) values.push(list[at + 1] ?? '')
  return values
}

/** Whether field `name` (lower case) is there at all, even empty. */
export function hasHeader(list: HeaderList, name: string): boolean {
  for (let at = 0; at < list.length; at += 2) if (list[at] === name) return true
  return false
}

/** The fields one by one, for code that is not on the hot path. */
export function* headerPairs(list: HeaderList): Generator<readonly [name: string, value: string]> {
  for (let at = 0; at < list.length; at += 2) yield [list[at] ?? '', list[at + 1] ?? '']
}

/** A new list without the fields whose name `leaves`. */
export function withoutHeaders(list: HeaderList, leaves: (name: string) => boolean): string[] {
  const kept: string[] = []
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] ?? ''
    if (!leaves(name)) kept.push(name, list[at + 1] ?? '')
  }
  return kept
}

/** The members of a comma-separated value, trimmed, without empty ones (RFC 9110 §5.6.1). */
export function listMembers(value: string | undefined): string[] {
  if (value === undefined) return []
  return value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '')
}

/** What `Connection` names, in lower case: fields that end here, and options such as `close` (RFC 9110 §7.6.1). */
export function connectionOptions(list: HeaderList): string[] {
  return listMembers(headerOf(list, 'connection')).map((option) => option.toLowerCase())
}

/** Whether `text` is a token (RFC 9110 §5.6.2), as field names and methods must be. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)
}

/** Whether `text` can be a field value: no control but the tab, no blank at either end (RFC 9110 §5.5). */
export function isFieldValue(text: string): boolean {
  return text === '' || (/^[\t\x20-\x7e\x80-\xff]+$/.test(text) && !/^[\t ]|[\t ]$/.test(text))
}
