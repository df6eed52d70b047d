/** Declares `ostiary idp create-password` and its like: people whom the broker itself knows. */
import { type Command, Option } from 'commander'
import type { Changes, HashFlags } from '../../idp/passwords.ts'
import type { Io } from '../../io.ts'
import { gather } from '../options.ts'
import { command, type Flags, type Output, outputOption, run, verboseOption } from './command.ts'

const hashOption = () =>
  new Option('--hash', 'standard input holds a bcrypt hash of cost 10 to 16, and no password').default(false)
const usernameOption = (more = '') => new Option('--username <name>', `the claim \`name\`${more}`)
const groupOption = () =>
  new Option('--group <name>', 'a group of the claim `groups`; may be given several times').argParser(gather)

interface Named {
  readonly username?: string
  readonly group?: readonly string[]
}

const changesOf = ({ username, group }: Named): Changes => ({
  ...(username !== undefined && { username }),
  ...(group !== undefined && { groups: group.filter((name) => name !== '') }),
})

export function addPasswordCommands(idp: Command, io: Io): void {
  command(idp, 'create-password', 'create a user of the broker; the password is asked for, or is a line of the input')
    .argument('<email>', 'what is typed to sign in')
    .addOption(usernameOption('; without it, what stands before the @'))
    .option('--user-id <id>', 'half of the claim `sub`, for good; made and printed where it is not given')
    .addOption(groupOption())
    .addOption(hashOption())
    .addOption(verboseOption())
    .action(async (email: string, flags: Flags<Named & HashFlags & { userId?: string; verbose: boolean }>) => {
      const { createPassword, givenHash } = await import('../../idp/passwords.ts')
      const { userId, verbose } = flags
      await run(flags, io, async (target) => {
        const hash = await givenHash(flags)
        const user = { email, hash, ...changesOf(flags), ...(userId !== undefined && { userId }) }
        return await createPassword(user, { target, io, verbose })
      })
    })

  command(idp, 'list-password', 'list the users of the broker')
    .addOption(outputOption())
    .action(async (flags: Flags<Output>) => {
      const { listPasswords } = await import('../../idp/passwords.ts')
      await run(flags, io, (target) => listPasswords({ target, io, format: flags.output }))
    })

  command(idp, 'update-password', 'change the password of a user, or with its options what they name')
    .argument('<email>')
    .option('--password', 'the password, too, though other options are given', false)
    .addOption(usernameOption())
    .addOption(groupOption())
    .addOption(hashOption())
    .addOption(verboseOption())
    .action(async (email: string, flags: Flags<Named & HashFlags & { password: boolean; verbose: boolean }>) => {
      const { givenHash, updatePassword } = await import('../../idp/passwords.ts')
      const { password, hash: isHash, verbose } = flags
      const changes = changesOf(flags)
      await run(flags, io, async (target) => {
        const isAsked = password || isHash || Object.keys(changes).length === 0
        const change = { email, ...changes, ...(isAsked && { hash: await givenHash(flags) }) }
        return await updatePassword(change, { target, io, verbose })
      })
    })

  command(idp, 'verify-password', 'tell whether this is the password of a user; it is asked for, or read')
    .argument('<email>')
    .action(async (email: string, flags: Flags<object>) => {
      const { givenPassword, verifyPassword } = await import('../../idp/passwords.ts')
      await run(flags, io, async (target) => verifyPassword({ email, password: await givenPassword() }, { target, io }))
    })

  command(idp, 'delete-password', 'delete a user of the broker; sessions end at the next refresh, or by revoke')
    .argument('<email>')
    .addOption(verboseOption())
    .action(async (email: string, flags: Flags<{ verbose: boolean }>) => {
      const { deletePassword } = await import('../../idp/passwords.ts')
      await run(flags, io, (target) => deletePassword(email, { target, io, verbose: flags.verbose }))
    })
}
