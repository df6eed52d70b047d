/**
 * The thread that compares passwords: bcrypt keeps a core busy for a tenth of a second and more, which must not be the
 * one that serves. Started by `PasswordChecker` only.
 */
import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'

/** Compared one after the other, whatever the answers are. */
export interface ComparisonOrder {
  readonly job: number
  readonly password: string
  readonly hashes: readonly string[]
}

export interface ComparisonAnswer {
  readonly job: number
  /** One for each hash. */
  readonly areRight: readonly boolean[]
}

parentPort?.on('message', ({ job, password, hashes }: ComparisonOrder) => {
  const answer: ComparisonAnswer = { job, areRight: hashes.map((hash) => compareSync(password, hash)) }
  parentPort?.postMessage(answer)
})
