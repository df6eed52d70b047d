/** What Dex answers with a field, as the error it is. */
import { ManagementError } from '../management.ts'

export function taken(kind: string, id: string): ManagementError {
  return new ManagementError('exists', `cannot create ${kind} "${id}": it exists already`)
}

export function missing(verb: string, kind: string, id: string): ManagementError {
  return new ManagementError('not-found', `cannot ${verb} ${kind} ${JSON.stringify(id.slice(0, 128))}: there is none`)
}
