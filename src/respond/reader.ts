/** Who reads an answer of ours: a person, or a program that asked for JSON or plain text. */
import type { Visit } from '../listener/visit.ts'
import { preferredType } from '../wire/accept.ts'
import { headerOf } from '../wire/headers.ts'

export type Reader = 'person' | 'json' | 'text'

const readers = { 'text/html': 'person', 'application/json': 'json', 'text/plain': 'text' } as const

/** By the request's `Accept`; a missing or unusable one, and a plain wildcard, count as a person's browser. */
export function readerOf(visit: Visit): Reader {
  return readers[preferredType(headerOf(visit.headers, 'accept'), ['text/html', 'application/json', 'text/plain'])]
}
