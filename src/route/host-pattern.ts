/** Host patterns: `*` stands for any run of characters, dots included; anchored at both ends. */

/**
 * Compiles a lower-case pattern to a predicate over lower-case hosts.
 * Pieces between the stars are looked for from left to right, each once, so the cost is linear in the host:
 * taking the leftmost place for each piece leaves most room for the next, so there is nothing to go back for.
 */
export function compileHostPattern(pattern: string): (host: string) => boolean {
  const [head = '', ...rest] = pattern.split('*')
  const tail = rest.pop()
  if (tail === undefined) return (host) => host === pattern
  const least = head.length + tail.length
  const middle = rest.filter((piece) => piece !== '')
  if (middle.length === 0) {
    return (host) => host.length >= least && host.startsWith(head) && host.endsWith(tail)
  }
  return (host) => {
    if (host.length < least || !host.startsWith(head) || !host.endsWith(tail)) return false
    const end = host.length - tail.length
    let at = head.length
    for (const piece of middle) {
      const found = host.indexOf(piece, at)
      if (found === -1 || found + piece.length > end) return false
      at = found + piece.length
    }
    return true
  }
}
