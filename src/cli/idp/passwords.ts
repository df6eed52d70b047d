/** `ostiary idp create-password` and its like. A password comes by standard input or a prompt, never as an argument. */
import { randomUUID } from 'node:crypto'
import type { PasswordChange } from '../../broker/management/management.ts'
import { parseBcryptHash } from '../../crypto/bcrypt-hash.ts'
import { hashPassword, passwordDoubt } from '../../crypto/hash-password.ts'
import type { Io } from '../io.ts'
import { oneLine } from '../text.ts'
import { askTwice, readLine } from './read-password.ts'
import { documentText, type Format } from './show.ts'
import { type Target, wrongUse } from './target.ts'

export interface HashFlags {
  /** What comes is a hash already. */
  readonly hash: boolean
}

export type Changes = Pick<PasswordChange, 'username' | 'groups'>

interface With {
  readonly target: Target
  readonly io: Io
}

interface Telling extends With {
  readonly verbose: boolean
}

/** The hash of what is typed or read. */
export async function givenHash({ hash: isHash }: HashFlags): Promise<string> {
  const given = process.stdin.isTTY && !isHash ? await askTwice() : await readLine(process.stdin)
  if (!isHash) {
    const doubt = passwordDoubt(given)
    if (doubt !== undefined) throw wrongUse(`cannot use this password: ${doubt}`, 'give one line of 1 to 72 octets')
    return await hashPassword(given)
  }
  const parsed = parseBcryptHash(given)
  if (!parsed) throw wrongUse('cannot use this hash: expected bcrypt of cost 10 to 16', 'htpasswd -BinC 10 NAME')
  return parsed.text
}

export async function givenPassword(): Promise<string> {
  return process.stdin.isTTY ? await askTwice(1) : await readLine(process.stdin)
}

export async function createPassword(
  user: Changes & { readonly email: string; readonly hash: string; readonly userId?: string },
  { target, io, verbose }: Telling,
): Promise<number> {
  const { email, userId = randomUUID(), username = email.split('@')[0] ?? '' } = user
  await target.management.createPassword({ ...user, userId, username })
  if (user.userId === undefined) io.out(`User id: ${JSON.stringify(userId)}\n`)
  if (verbose) io.out(`created user ${oneLine(email)}\n`)
  if (!target.isDex) await warnWithoutConnector({ target, io })
  return 0
}

async function warnWithoutConnector({ target, io }: With): Promise<void> {
  if ((await target.management.listConnectors()).some(({ type }) => type === 'local')) return
  io.err('warning: nobody can sign in by a password of the broker yet\n')
  io.err('hint: set enablePasswordDB: true in its configuration file\n')
}

export async function listPasswords({ target, io, format }: With & { readonly format: Format | undefined }) {
  const users = await target.management.listPasswords()
  if (format === undefined)
    for (const { email, username } of users) io.out(`${oneLine(username ? `${email} - ${username}` : email)}\n`)
  else
    io.out(
      documentText(
        users.map((user) => ({ ...user })),
        format,
      ),
    )
  return 0
}

export async function updatePassword(change: PasswordChange, { target, io, verbose }: Telling): Promise<number> {
  await target.management.updatePassword(change)
  if (verbose) io.out(`updated user ${oneLine(change.email)}\n`)
  return 0
}

/** 1 where it is wrong, so that a script can tell. */
export async function verifyPassword(
  { email, password }: { readonly email: string; readonly password: string },
  { target, io }: With,
): Promise<number> {
  const isRight = await target.management.verifyPassword(email, password)
  if (isRight) io.out('right\n')
  else io.err('wrong: this is not the password\n')
  return isRight ? 0 : 1
}

export async function deletePassword(email: string, { target, io, verbose }: Telling): Promise<number> {
  await target.management.deletePassword(email)
  if (verbose) io.out(`deleted user ${oneLine(email)}\n`)
  return 0
}
