/**
 * The thread that checks signatures: a message of the full size keeps a core busy for a third of a second for each
 * pinned certificate, and strangers may send one. Started by the `saml` connector only.
 */
import { parentPort } from 'node:worker_threads'
import type { ThreadAnswer, ThreadOrder } from '../../threads/bounded-threads.ts'
import { lowerPriority } from '../../threads/low-priority.ts'
import type { XmlElement } from './read-xml.ts'
import { readSigned, type SignedRules } from './verify-signature.ts'

export interface SignatureOrder {
  readonly text: string
  readonly rules: SignedRules
}

export type SignatureAnswer =
  | { readonly kind: 'signed'; readonly assertion: XmlElement }
  | { readonly kind: 'invalid'; readonly reason: string }

lowerPriority()

parentPort?.on('message', async ({ job, order: { text, rules } }: ThreadOrder<SignatureOrder>) => {
  const answer = await readSigned(text, rules).then(
    (assertion): SignatureAnswer => ({ kind: 'signed', assertion }),
    (error: unknown): SignatureAnswer => ({
      kind: 'invalid',
      reason: error instanceof Error ? error.message : 'unknown',
    }),
  )
  parentPort?.postMessage({ job, answer } satisfies ThreadAnswer<SignatureAnswer>)
})
