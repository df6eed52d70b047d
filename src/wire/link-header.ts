/** The Link header (RFC 8288 §3), as far as paging needs it. */

/** The target of the first link with this relation type, as it is written; undefined where there is none. */
export function linkTarget(header: string, relation: string): string | undefined {
  // A target holds no angle brackets, so that the next one begins the next link.
  for (const [, target, parameters = ''] of header.matchAll(/<([^<>]*)>([^<>]*)/g)) {
    const [, types = ''] = /;\s*rel\s*=\s*"?([^";,]*)/i.exec(parameters) ?? []
    if (types.toLowerCase().split(/\s+/).includes(relation)) return target
  }
  return undefined
}
