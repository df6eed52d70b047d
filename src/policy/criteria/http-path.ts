import { requestCriterion } from '../criterion.ts'
import { textOperand } from '../matchers/text.ts'

export const httpPath = requestCriterion({
  name: 'http_path',
  doc: 'The path of the request with its escapes decoded, without the query.',
  operand: textOperand,
  see:
    () =>
    ({ path }) =>
      decodedPath(path),
})

/** Decodes every valid escape once; octets that are no UTF-8 become U+FFFD, so that the rest is still compared. */
export function decodedPath(path: string): string {
  if (!path.includes('%')) return path
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (octets) =>
    Buffer.from(octets.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}
