/**
 * A thread that compares passwords: bcrypt keeps a core busy for a tenth of a second and more, which must not be the one
 * that serves. Started by `PasswordChecker` only.
 */
import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'
import type { ThreadAnswer, ThreadOrder } from '../threads/bounded-threads.ts'
import { lowerPriority } from '../threads/low-priority.ts'

/** Compared one after the other, whatever the answers are: one for each hash. */
export interface Comparison {
  readonly password: string
  readonly hashes: readonly string[]
}

lowerPriority()

parentPort?.on('message', ({ job, order }: ThreadOrder<Comparison>) => {
  const answer = order.hashes.map((hash) => compareSync(order.password, hash))
  parentPort?.postMessage({ job, answer } satisfies ThreadAnswer<readonly boolean[]>)
})
