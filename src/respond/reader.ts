/** Who reads an answer of ours: a person, or a program that asked for JSON or plain text. */
import type { Visit } from '../listener/visit.ts'

export type Reader = 'person' | 'json' | 'text'

const readers: Readonly<Record<string, Reader>> = {
  'text/html': 'person',
  'application/json': 'json',
  'text/plain': 'text',
}

/** By the request's `Accept`; a missing or unusable one, and a plain wildcard, count as a person's browser. */
export function readerOf(visit: Visit): Reader {
  let best: Reader = 'person'
  let weight = 0
  for (let i = 0; i < visit.headers.length; i += 2) {
    if (visit.headers[i] !== 'accept') continue
    for (const range of (visit.headers[i + 1] ?? '').split(',')) {
      const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
      const quality = Number(parameters.find((one) => one.startsWith('q='))?.slice(2) ?? 1)
      const reader = readers[type]
      if (reader && quality > weight) {
        best = reader
        weight = quality
      }
    }
  }
  return best
}
