/** Which texts must not be shown: by the name they stand under, known or not, since a misspelt secret is one, too. */
import type { ConfigNode } from './node.ts'
import type { Source } from './place.ts'

/** `PW`: as in bindPW. */
const SUSPECT =
  /secret|passw|token|credential|private|signing_?key|(^|[_-])key$|key_|mac_key|connection_?string|basic_auth|authorization|cookie$|dsn|api_?key|pw$/i
const HARMLESS = /_file$|^regex|_key_id$|^existing/i

/** True for a key whose value is probably secret. */
export function secretKey(key: string): boolean {
  return (SUSPECT.test(key) || key.endsWith('Key')) && !HARMLESS.test(key)
}

/** Masks every secret value of a document, so that no line shown of it holds one. */
export function maskSecrets(node: ConfigNode, secret = false): void {
  switch (node.kind) {
    case 'scalar':
      if (secret && node.value !== null) node.span.source.mask(node.span.start, node.span.end)
      return
    case 'list':
      for (const item of node.items) maskSecrets(item, secret)
      return
    case 'map':
      for (const { key, value } of node.entries)
        maskSecrets(value, secret || secretKey(key) || key.toLowerCase() === 'set_request_headers')
  }
}

/** The same without a parsed document: everything after a name that looks secret, to the end of its line. */
export function maskByName(source: Source): void {
  const { text } = source
  for (const match of text.matchAll(/([\w-]{1,100})["']?[ \t]{0,100}:[ \t]{0,100}/g)) {
    if (!secretKey(match[1] ?? '')) continue
    const start = match.index + match[0].length
    const end = text.indexOf('\n', start)
    // The end is looked for only here: a document in one line has a name at every few letters.
    source.mask(start, end < 0 ? text.length : end)
  }
}
