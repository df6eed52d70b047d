/** Claims as text: how a value from a token becomes a header, and one that can break no request. */

/**
 * The text of a claim: the flattened values joined by a comma. Objects, lists in lists and nulls have no text form
 * and are left out.
 */
export function claimText(values: readonly unknown[] | undefined): string {
  if (values === undefined) return ''
  let text = ''
  let first = true
  for (const value of values) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue
    text += first ? String(value) : `,${value}`
    first = false
  }
  return text
}

/**
 * `text` as a field value (RFC 9110 §5.5): control characters are left out, since a provider (or a user who may choose
 * their own display name) must not be able to split a header or to make every request of that user fail. Letters above
 * ASCII go out as UTF-8, written as one character per octet, which is what Node and undici put on the wire.
 */
export function headerText(text: string): string {
  const printable = text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, '').replace(/^[\t ]+|[\t ]+$/g, '')
  return /^[\x09\x20-\x7e]*$/.test(printable) ? printable : Buffer.from(printable, 'utf8').toString('latin1')
}
