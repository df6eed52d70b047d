/** Why a record is not made, changed or deleted, in words for people, with the way out. */
import { ManagementError } from './management.ts'

/** What the commands call it. */
export type Managed = 'connector' | 'client' | 'user'

const lists: Readonly<Record<Managed, readonly string[]>> = {
  connector: ['list-connector shows those that exist'],
  client: ['list-client shows those that exist'],
  user: [],
}

export function taken(what: Managed, id: string, details: readonly string[] = []): ManagementError {
  const why = what === 'user' ? 'the address is taken' : 'the id exists already'
  return new ManagementError('exists', `cannot create ${what} "${id}": ${why}`, { details })
}

export function readOnly(verb: 'update' | 'delete', what: Managed, id: string): ManagementError {
  return new ManagementError('read-only', `cannot ${verb} ${what} "${id}": it comes from the configuration file`, {
    details: ['change it there, and the broker follows at its next reload'],
  })
}

export function missing(verb: 'show' | 'update' | 'delete' | 'test' | 'verify', what: Managed, id: string) {
  const message = `cannot ${verb} ${what} ${JSON.stringify(id.slice(0, 128))}: there is none`
  return new ManagementError('not-found', message, { details: lists[what] })
}

/** Of 20 who write at once one wins each round. */
const rounds = 100

/** Tries until nobody else has written between the look and the writing: then `attempt` gives what was written. */
export async function untilWritten<T>(what: Managed, id: string, attempt: () => Promise<T | undefined>): Promise<T> {
  for (let round = 0; round < rounds; round++) {
    const written = await attempt()
    if (written !== undefined) return written
  }
  throw new ManagementError('conflict', `cannot update ${what} "${id}": others write it all the time`)
}
