/** Reads a small form out of a request body. */
import { ProxyError } from '../errors/proxy-error.ts'
import type { Exchange } from '../listener/visit.ts'
import { headerOf } from '../wire/headers.ts'

/** Octets; our forms have one field, a provider's answer a few. */
const longestForm = 64 * 1024

/** @throws FORM_INVALID when it is no form, or too long */
export async function readForm({ visit, request }: Pick<Exchange, 'visit' | 'request'>): Promise<URLSearchParams> {
  const type = headerOf(visit.headers, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (!visit.hasBody) return new URLSearchParams()
  if (type !== 'application/x-www-form-urlencoded')
    throw new ProxyError('FORM_INVALID', `cannot read form: its type is ${type?.slice(0, 60) ?? 'missing'}`)
  const chunks: Buffer[] = []
  let size = 0
  try {
    // Without destroying: the refusal still has to go out on this very connection.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const octets = Buffer.from(chunk)
      size += octets.length
      if (size > longestForm) break
      chunks.push(octets)
    }
  } catch (cause) {
    throw new ProxyError('FORM_INVALID', 'cannot read form: the client left before its end', { cause })
  }
  if (size > longestForm)
    throw new ProxyError('FORM_INVALID', `cannot read form: it is longer than ${longestForm} octets`)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}
