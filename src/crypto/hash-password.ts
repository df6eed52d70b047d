/** Makes bcrypt hashes of passwords that are typed here; comparing them is the work of a thread of the broker. */
import { hash } from 'bcryptjs'
import { bcryptCosts, bcryptOctets } from './bcrypt-hash.ts'

/** Why bcrypt would not keep this password whole, as a clause; undefined where it does. */
export function passwordDoubt(password: string): string | undefined {
  if (password === '') return 'it is empty'
  if (password.includes('\0')) return 'it holds a NUL, where bcrypt would end it'
  const octets = Buffer.byteLength(password)
  return octets > bcryptOctets ? `bcrypt would drop what comes after ${bcryptOctets} octets, got ${octets}` : undefined
}

export async function hashPassword(password: string): Promise<string> {
  const doubt = passwordDoubt(password)
  if (doubt !== undefined) throw new RangeError(`cannot hash a password: ${doubt}`)
  return await hash(password, bcryptCosts.least)
}
