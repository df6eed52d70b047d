/** A question as plain data (a case, a line of a batch): who asks for what. Everything wrong is reported, with its path. */
import type { ClientCertificate } from '../policy/facts.ts'
import { isMap } from '../policy/rules.ts'
import type { Claims } from '../session/session.ts'
import { normalAddress } from '../wire/address.ts'
import { momentExample, parseMoment } from './moment.ts'
import { somewhere, type TrialRequest } from './request.ts'
import type { Person, Subject } from './subject.ts'

export interface Question {
  readonly subject: Subject
  readonly request: TrialRequest
}

/** Notes one mistake; `path` goes from the question. */
export type Mistake = (path: readonly (string | number)[], message: string) => void

export const questionKeys = ['who', 'method', 'url', 'address', 'time', 'headers', 'certificate'] as const

const whoKeys = ['email', 'groups', 'claims', 'user', 'email_verified', 'signed_in_at'] as const
const certificateKeys = ['valid', 'fingerprint', 'spki_hash', 'san_dns', 'san_email', 'san_uri'] as const

type Map = Readonly<Record<string, unknown>>

/** Reads the keys of `questionKeys`; `time` is the moment of a question that names none. */
export function readQuestion(map: Map, { time, mistake }: { time: number; mistake: Mistake }): Question {
  return {
    subject: readWho(map['who'], mistake),
    request: {
      method: (readText(map, 'method', mistake) ?? 'GET').toUpperCase(),
      url: readUrl(map, mistake),
      address: readAddress(map, mistake),
      time: readMoment(map['time'], { path: ['time'], mistake }) ?? time,
      headers: readHeaders(map['headers'], mistake),
      certificate: readCertificate(map['certificate'], mistake),
    },
  }
}

/** `nobody`, or a map of `email`, `groups`, `claims` … */
export function readWho(who: unknown, mistake: Mistake): Subject {
  if (who === 'nobody') return 'nobody'
  if (!isMap(who)) {
    mistake(['who'], 'expected nobody, or a map of email, groups, claims')
    return 'nobody'
  }
  const inside: Mistake = (path, message) => mistake(['who', ...path], message)
  checkKeys(who, whoKeys, inside)
  const { claims = {}, email_verified: emailVerified } = who
  if (!isMap(claims)) inside(['claims'], 'expected a map of claims')
  if (emailVerified !== undefined && typeof emailVerified !== 'boolean')
    inside(['email_verified'], 'expected true or false')
  const person: Person = {
    email: readText(who, 'email', inside) ?? '',
    groups: readTexts(who, 'groups', inside),
    claims: isMap(claims) ? (claims as Claims) : {},
    userId: readText(who, 'user', inside),
    emailVerified: typeof emailVerified === 'boolean' ? emailVerified : undefined,
    signedInAt: readMoment(who['signed_in_at'], { path: ['signed_in_at'], mistake: inside }),
  }
  return person
}

function readUrl(map: Map, mistake: Mistake): string {
  const url = readText(map, 'url', mistake)
  if (url === undefined || url === '')
    mistake(['url'], 'expected the address that is asked for, such as https://app.example.com/')
  return url ?? ''
}

function readAddress(map: Map, mistake: Mistake): string {
  const text = readText(map, 'address', mistake)
  if (text === undefined) return somewhere
  const address = normalAddress(text)
  if (address === undefined) mistake(['address'], 'expected an IP address')
  return address ?? somewhere
}

function readMoment(value: unknown, { path, mistake }: { path: string[]; mistake: Mistake }): number | undefined {
  if (value === undefined) return undefined
  const moment = typeof value === 'string' ? parseMoment(value) : undefined
  if (moment === undefined) mistake(path, `expected a moment such as ${momentExample}`)
  return moment
}

function readHeaders(value: unknown, mistake: Mistake): readonly string[] {
  if (value === undefined) return []
  if (!isMap(value)) {
    mistake(['headers'], 'expected a map from name to value')
    return []
  }
  return Object.entries(value).flatMap(([name, text]) => {
    const values: readonly unknown[] = Array.isArray(text) ? text : [text]
    return values.flatMap((one) => {
      if (typeof one === 'string' || typeof one === 'number') return [name.toLowerCase(), String(one)]
      mistake(['headers', name], 'expected a text, or a list of texts')
      return []
    })
  })
}

function readCertificate(value: unknown, mistake: Mistake): ClientCertificate | undefined {
  if (value === undefined) return undefined
  const inside: Mistake = (path, message) => mistake(['certificate', ...path], message)
  if (!isMap(value)) {
    inside([], `expected a map of ${certificateKeys.join(', ')}`)
    return undefined
  }
  checkKeys(value, certificateKeys, inside)
  const { valid = true } = value
  if (typeof valid !== 'boolean') inside(['valid'], 'expected true or false')
  return {
    valid: valid === true,
    fingerprint: (readText(value, 'fingerprint', inside) ?? '').replaceAll(':', '').toLowerCase(),
    spkiHash: readText(value, 'spki_hash', inside) ?? '',
    sanDns: readTexts(value, 'san_dns', inside),
    sanEmail: readTexts(value, 'san_email', inside),
    sanUri: readTexts(value, 'san_uri', inside),
  }
}

/** Reports keys that mean nothing. */
export function checkKeys(map: Map, known: readonly string[], mistake: Mistake): void {
  for (const key of Object.keys(map)) {
    if (!known.includes(key)) mistake([key], `unknown key; expected one of ${known.join(', ')}`)
  }
}

/** Numbers count as their text: `user: 1860200001`. */
export function readText(map: Map, key: string, mistake: Mistake): string | undefined {
  const value = map[key]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  mistake([key], 'expected a text')
  return undefined
}

/** One text counts as a list of one. */
export function readTexts(map: Map, key: string, mistake: Mistake): readonly string[] {
  const value = map[key]
  if (value === undefined || value === null) return []
  return (Array.isArray(value) ? value : [value]).flatMap((item: unknown, index) => {
    if (typeof item === 'string' || typeof item === 'number') return [String(item)]
    mistake(Array.isArray(value) ? [key, index] : [key], 'expected a text')
    return []
  })
}
