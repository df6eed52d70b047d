/** The options of `ostiary explain` as a question, in the same form that cases and batches have. */
import type { Mistake } from '../../trial/read-question.ts'

export interface QuestionOptions {
  /** E-mail address of who asks; neither it nor `user`: nobody. */
  readonly as?: string | undefined
  /** Subject at the provider. */
  readonly user?: string | undefined
  /** Each may hold several with commas between. */
  readonly groups?: readonly string[]
  /** One group each, commas and all (`cn=ops,dc=corp`). */
  readonly group?: readonly string[]
  /** `name=value`; what is JSON is read as JSON; the same name twice makes a list. */
  readonly claim?: readonly string[]
  readonly unverified?: boolean
  readonly signedInAt?: string | undefined
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly at?: string | undefined
  readonly from?: string | undefined
  /** `name: value`. */
  readonly header?: readonly string[]
}

type Map = Readonly<Record<string, unknown>>

/** Only what was said; nothing stands for what was not. */
export function questionFromOptions(options: QuestionOptions, mistake: Mistake): Map {
  const { method, url, at, from, header = [] } = options
  return defined({
    who: whoOf(options, mistake),
    method,
    url,
    time: at,
    address: from,
    headers: header.length === 0 ? undefined : pairs(header, { sign: ':', name: 'header', mistake }),
  })
}

function whoOf(options: QuestionOptions, mistake: Mistake): Map | undefined {
  const { as: email, user, groups = [], group = [], claim = [], unverified, signedInAt } = options
  const all = [...groups.flatMap((list) => list.split(',')), ...group].map((name) => name.trim()).filter(Boolean)
  if (email === undefined && user === undefined) {
    if (all.length > 0 || claim.length > 0) mistake(['--as'], 'expected the address of the person who has these')
    return undefined
  }
  const claims = pairs(claim, { sign: '=', name: 'claim', mistake })
  return defined({
    email,
    user,
    groups: all,
    claims: Object.fromEntries(Object.entries(claims).map(([name, values]) => [name, claimValue(values)])),
    email_verified: unverified ? false : undefined,
    signed_in_at: signedInAt,
  })
}

function pairs(
  texts: readonly string[],
  { sign, name, mistake }: { sign: string; name: string; mistake: Mistake },
): Record<string, string[]> {
  const found = new Map<string, string[]>()
  for (const text of texts) {
    const at = text.indexOf(sign)
    const key = text.slice(0, at).trim()
    if (at === -1 || key === '') mistake([`--${name}`], `expected name${sign}value, got ${JSON.stringify(text)}`)
    else found.set(key, [...(found.get(key) ?? []), text.slice(at + 1).trim()])
  }
  return Object.fromEntries(found)
}

function claimValue(values: readonly string[]): unknown {
  const read = values.map((text): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  })
  return read.length === 1 ? read[0] : read
}

function defined(map: Map): Map {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined))
}
