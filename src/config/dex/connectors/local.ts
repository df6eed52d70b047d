/** The people whom the broker itself knows: Dex's `staticPasswords`. */
import type { z } from 'zod'
import { parseBcryptHash } from '../../../crypto/bcrypt-hash.ts'
import { type Fail, settingType } from '../../setting-type.ts'
import type { StaticPassword } from '../broker-settings.ts'
import { goFlag, goSections, goText, goTexts } from '../go-types.ts'

const aBcryptHash = 'a bcrypt hash of cost 10 to 16, plain or in base64'

/** bcrypt's text, out of its base64. Secret, too: whoever reads it can guess at the password in peace. */
const bcryptHash = () =>
  settingType('bcrypt hash', (raw, fail): string => {
    const text = goText().safeParse(raw)
    const parsed = text.success ? parseBcryptHash(text.data.trim()) : undefined
    if (!parsed) fail(aBcryptHash, { found: 'something else', hint: 'make one: htpasswd -BinC 10 NAME' })
    return parsed?.text ?? ''
  })

/** An address, or a name in its place: Dex takes anything, and lets an empty one sign in. */
const address = () =>
  settingType('e-mail address', (raw, fail): string => {
    const text = goText().safeParse(raw)
    const isRight = text.success && /^[^\s@]+(?:@[^\s@]+)?$/.test(text.data)
    if (!isRight) fail('an e-mail address')
    return isRight ? text.data : ''
  })

export const staticPasswordEntries = goSections({
  email: address().meta({ doc: 'What is typed as the name, in any case, and the claim `email`.' }),
  hash: bcryptHash().optional().meta({ doc: 'The bcrypt hash of the password: cost 10 to 16.', secret: true }),
  hashFromEnv: goText().prefault('').meta({ doc: 'Instead of `hash`: the variable that holds it.' }),
  username: goText().prefault('').meta({ doc: 'The claim `name`, where `name` is not there.' }),
  name: goText().prefault('').meta({ doc: 'The claim `name`.' }),
  preferredUsername: goText().prefault('').meta({ doc: 'The claim `preferred_username`.' }),
  emailVerified: goFlag().prefault(true).meta({ doc: 'The claim `email_verified`.' }),
  userID: goText().prefault('').meta({
    doc: 'Half of the claim `sub`; it must stay as it is as long as the person is the same. One person at most can do without.',
  }),
  groups: goTexts().prefault([]).meta({ doc: 'The claim `groups`.' }),
})

export type StaticPasswordEntry = z.output<typeof staticPasswordEntries>[number]

export interface StaticPasswordOptions {
  readonly env: (name: string) => string | undefined
  /** Paths begin with the number of the entry. */
  readonly fail: Fail
}

/** Fetches hashes from variables, and refuses two entries for one address: nobody could tell which one counts. */
export function staticPasswordsOf(
  entries: readonly StaticPasswordEntry[],
  { env, fail }: StaticPasswordOptions,
): readonly StaticPassword[] {
  const seen = new Map<string, number>()
  return entries.flatMap((entry, index): readonly StaticPassword[] => {
    const { hash: written, hashFromEnv, ...rest } = entry
    const email = entry.email.toLowerCase()
    const before = seen.get(email)
    seen.set(email, index)
    if (before !== undefined) {
      fail('each address once', { path: [index, 'email'], found: `the address of entry ${before + 1} again` })
      return []
    }
    const failHere: Fail = (expected, more) => fail(expected, { ...more, path: [index, ...(more?.path ?? [])] })
    const hash = written ?? hashFrom(hashFromEnv, { env, fail: failHere })
    if (hash === undefined) return []
    return [{ ...rest, hash, name: rest.name || rest.username }]
  })
}

function hashFrom(name: string, { env, fail }: StaticPasswordOptions): string | undefined {
  if (name === '') {
    fail('hash or hashFromEnv', { found: 'neither' })
    return undefined
  }
  const hash = parseBcryptHash((env(name) ?? '').trim())?.text
  if (hash === undefined) {
    const found = env(name) === undefined ? `no variable ${name}` : 'something else'
    fail(`the name of a variable with ${aBcryptHash}`, { path: ['hashFromEnv'], found })
  }
  return hash
}
