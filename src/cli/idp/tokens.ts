/** `ostiary idp list-refresh` and `revoke`: what of somebody's lives on after the sign-in. */
import { dexSubject } from '../../broker/provider/dex-subject.ts'
import type { Io } from '../io.ts'
import { counted, printColumns } from '../text.ts'
import { documentText, type Format } from './show.ts'
import { type Target, wrongUse } from './target.ts'

/** Somebody by the `sub` of their tokens, or by their id at a connector. */
export interface WhoFlags {
  readonly connector?: string
  readonly userId?: string
}

interface With {
  readonly target: Target
  readonly io: Io
}

export async function listRefresh(
  subject: string | undefined,
  { target, who, format, io }: With & { readonly who: WhoFlags; readonly format: Format | undefined },
): Promise<number> {
  const tokens = await target.management.listRefreshTokens(subjectOf(subject, who))
  if (format !== undefined) {
    io.out(
      documentText(
        tokens.map((token) => ({ ...token })),
        format,
      ),
    )
    return 0
  }
  const rows = tokens.map(({ clientId, createdAt, lastUsedAt, id }) => [
    { text: clientId },
    { text: `since ${timeText(createdAt)}` },
    { text: `used ${timeText(lastUsedAt)}` },
    { text: id },
  ])
  io.out(printColumns(rows))
  return 0
}

/** Nothing to revoke is 1: a wrong subject must not look like success. */
export async function revoke(
  subject: string | undefined,
  { target, who, client, io }: With & { readonly who: WhoFlags; readonly client: string | undefined },
): Promise<number> {
  const whose = subjectOf(subject, who)
  const count = await target.management.revoke(whose, client)
  if (count > 0) io.out(`${counted(count, 'refresh token')} revoked\n`)
  else
    io.err(
      `0 refresh tokens revoked: ${JSON.stringify(whose)} has none${client === undefined ? '' : ' of this client'}\n`,
    )
  if (count === 0) io.err('hint: the subject is the `sub` of tokens; or give --connector and --user-id\n')
  return count > 0 ? 0 : 1
}

function subjectOf(subject: string | undefined, { connector, userId }: WhoFlags): string {
  if (subject !== undefined && connector === undefined && userId === undefined) return subject
  if (subject === undefined && connector !== undefined && userId !== undefined)
    return dexSubject({ userId, connectorId: connector })
  throw wrongUse('cannot tell whose tokens are meant', 'give SUBJECT, or --connector ID and --user-id ID')
}

function timeText(moment: number): string {
  return moment > 0 && moment < 8.64e15 ? `${new Date(moment).toISOString().slice(0, 16).replace('T', ' ')}Z` : 'never'
}
