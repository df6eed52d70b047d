/** Everybody who is in the decision logs, with the claims that they had last. */
import { parseLine, readLines } from '../../observe/decision-log-read.ts'
import { personOfLogged } from '../../trial/compare/logged.ts'
import type { Person } from '../../trial/subject.ts'
import type { Io } from '../io.ts'

/** A review of more people is no review. */
const mostPeople = 20_000

/** Undefined where a file cannot be read; that was reported. */
export async function peopleOfLogs(
  files: readonly string[],
  io: Pick<Io, 'err'>,
): Promise<readonly Person[] | undefined> {
  const people = new Map<string, { person: Person; time: number }>()
  let isFull = false
  try {
    for (const file of files) {
      for await (const lines of readLines(file)) {
        for (const line of lines) {
          // Most lines of a public application are nobody's; they need not be read.
          const read = line.includes(',"user":{') ? parseLine(line) : undefined
          if (read?.kind !== 'decision' || !read.decision.user) continue
          const { user, time } = read.decision
          const known = people.get(user.id)
          if (known ? known.time > time : people.size >= mostPeople) {
            isFull ||= !known
            continue
          }
          people.set(user.id, { person: personOfLogged(user), time })
        }
      }
    }
  } catch (error) {
    io.err(`cannot read log: ${error instanceof Error ? error.message : String(error)}\n`)
    return undefined
  }
  if (isFull) io.err(`only the first ${mostPeople} people of the log are in the review\n`)
  return [...people.values()].map(({ person }) => person)
}
