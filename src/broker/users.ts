/** Users declared as Dex's `staticPasswords` are, and the check of a password against them. */
import { compare, hash as hashPassword } from 'bcryptjs'
import { z } from 'zod'

/** A user as the broker knows them after a good password. */
export interface BrokerUser {
  /** The subject of tokens. */
  readonly subject: string
  readonly email: string
  readonly emailVerified: boolean
  readonly name: string
  readonly preferredUsername: string
  readonly groups: readonly string[]
}

/** bcrypt reads 72 octets and drops the rest without a word, so that longer passwords would open with any tail. */
const BCRYPT_OCTETS = 72
/** Dex's bounds on the cost of a hash. */
const COSTS = { least: 10, most: 16 }
const BCRYPT = /^\$2[aby]\$(\d{2})\$[./A-Za-z0-9]{53}$/

const staticPassword = z.strictObject({
  email: z.email(),
  /** bcrypt, or base64 of it. */
  hash: z.string().transform((text, context) => {
    const plain = BCRYPT.test(text) ? text : Buffer.from(text, 'base64').toString('latin1')
    const cost = Number(BCRYPT.exec(plain)?.[1])
    if (cost >= COSTS.least && cost <= COSTS.most) return plain
    context.addIssue(`expected a bcrypt hash of cost ${COSTS.least} to ${COSTS.most}`)
    return z.NEVER
  }),
  username: z.string().min(1),
  userID: z.string().min(1),
  name: z.string().min(1).optional(),
  preferredUsername: z.string().min(1).optional(),
  emailVerified: z.boolean().default(true),
  groups: z.array(z.string().min(1)).default([]),
})

/** The part of a Dex configuration that declares users. */
const staticPasswordsSchema = z.strictObject({ staticPasswords: z.array(staticPassword).min(1) })

type StaticPassword = z.output<typeof staticPassword>

export class Users {
  readonly #byEmail = new Map<string, StaticPassword>()
  readonly #bySubject = new Map<string, BrokerUser>()
  /** Compared with where nobody has that address, so that both answers take as long. */
  readonly #nobodysHash = hashPassword('nobody', COSTS.least)

  /** @throws ZodError when an entry is not in Dex's form; Error when an address or id stands twice. */
  constructor(declaration: unknown) {
    for (const entry of staticPasswordsSchema.parse(declaration).staticPasswords) {
      const email = entry.email.toLowerCase()
      const user = describe(entry)
      if (this.#byEmail.has(email)) throw new Error(`cannot read the users: ${email} stands twice`)
      if (this.#bySubject.has(user.subject)) throw new Error(`cannot read the users: ${entry.userID} stands twice`)
      this.#byEmail.set(email, entry)
      this.#bySubject.set(user.subject, user)
    }
  }

  find(subject: string): BrokerUser | undefined {
    return this.#bySubject.get(subject)
  }

  /** The user with this address and password, or undefined. Costs a bcrypt comparison either way. */
  async check(credentials: { readonly email: string; readonly password: string }): Promise<BrokerUser | undefined> {
    const { email, password } = credentials
    const entry = this.#byEmail.get(email.trim().toLowerCase())
    const fits = Buffer.byteLength(password) <= BCRYPT_OCTETS && password !== ''
    const isRight = await compare(fits ? password : '', entry?.hash ?? (await this.#nobodysHash))
    return entry && fits && isRight ? this.#bySubject.get(dexSubject(entry.userID)) : undefined
  }
}

function describe(entry: StaticPassword): BrokerUser {
  return {
    subject: dexSubject(entry.userID),
    email: entry.email,
    emailVerified: entry.emailVerified,
    name: entry.name ?? entry.username,
    preferredUsername: entry.preferredUsername ?? entry.username,
    groups: entry.groups,
  }
}

/**
 * The subject that Dex gives a user of a connector: base64url of the message {1: user id, 2: connector id}, so that
 * rules written for one of the two hold for the other.
 */
export function dexSubject(userId: string, connectorId = 'local'): string {
  const field = (number: number, text: string) => {
    const octets = Buffer.from(text)
    if (octets.length > 127) throw new Error(`cannot make a subject: an id of ${octets.length} octets is too long`)
    return Buffer.concat([Buffer.from([(number << 3) | 2, octets.length]), octets])
  }
  return Buffer.concat([field(1, userId), field(2, connectorId)]).toString('base64url')
}
