/** Policies in plain words: what a criterion asks for, and why somebody was denied. */
import type { Facts } from './facts.ts'
import type { ExplainedNode, Policy } from './policy.ts'
import { isMap } from './rules.ts'

/**
 * What a criterion asks for, as a noun: `the group devops`, `an address at corp.test`.
 * With `isPublic`, neither who else may is told nor what could be copied: the sentence is read by somebody who may not.
 */
export function demandInWords({ name, data, operand = '' }: ExplainedNode, isPublic = false): string {
  const [criterion = '', ...rest] = name.split('/')
  const subpath = rest.join('/')
  const value = comparison(data)
  switch (criterion) {
    case 'accept':
      return 'anything'
    case 'reject':
      return 'everybody'
    case 'authenticated_user':
      return 'somebody who is signed in'
    case 'user':
    case 'email':
      return isPublic ? 'particular people' : `the user ${value}`
    case 'domain':
      return `an address at ${value}`
    case 'groups':
      return `the group ${value}`
    case 'claim':
      if (subpath === 'groups') return `the group ${value}`
      return isPublic && namesPeople(subpath, value) ? 'particular people' : `the claim ${subpath} ${value}`
    case 'http_method':
      return `the method ${value}`
    case 'http_path':
      return `a path ${value}`
    case 'source_ip':
      return `a connection from ${value}`
    // Whoever knows the value of one of these three can send it.
    case 'header':
      return isPublic ? `a particular header ${subpath}` : `the header ${subpath} ${value}`
    case 'url_query':
      return isPublic ? `a particular parameter ${subpath}` : `the parameter ${subpath} ${value}`
    case 'user_agent':
      return isPublic ? 'particular programs' : `the User-Agent ${value}`
    case 'record':
      return recordInWords(data, isPublic)
    case 'cors_preflight':
      return 'a CORS preflight request'
    case 'client_certificate':
      return 'a particular client certificate'
    case 'invalid_client_certificate':
      return 'a client certificate that is missing or not valid'
    case 'date':
    case 'day_of_week':
    case 'time_of_day':
      return `a time ${spanInWords(data) || operand}`
    case 'acr':
      return `a sign-in by ${value}`
    case 'auth_age':
      return `a sign-in at most ${value} ago`
    default:
      return `${name} ${value}`.trim()
  }
}

/** Claims by which one person is known from another, and whatever looks like an address. */
function namesPeople(claim: string, value: string): boolean {
  const [last = ''] = claim.toLowerCase().split(/[./]/).slice(-1)
  return people.has(last) || value.includes('@')
}

const people = new Set([
  ...['sub', 'oid', 'uid', 'user_id', 'userid', 'email', 'mail', 'name', 'given_name', 'family_name', 'nickname'],
  ...['preferred_username', 'username', 'login', 'upn', 'unique_name', 'phone_number'],
])

/** `a record of contract whose level is 2`. */
function recordInWords(data: unknown, isPublic: boolean): string {
  const { type, field, ...tests } = isMap(data) ? data : {}
  if (isPublic) return `a particular record of ${plain(type)}`
  const words = Object.entries(tests).map(([operator, value]) =>
    operator === 'exists' ? (value === true ? 'is there' : 'is not there') : `${operator} ${plain(value)}`,
  )
  return `a record of ${plain(type)} whose ${plain(field)} ${words.join(' and ')}`
}

/**
 * Why these facts are denied, sentence by sentence, for whoever was denied; nothing where they are not.
 * Names no other user: a page must not tell who may to somebody who may not.
 */
export function explainDenied(policy: Policy, facts: Facts): readonly string[] {
  const { decision, tree } = policy.explain(facts)
  if (decision.kind !== 'deny') return []
  if (decision.answer === 'client-certificate') return ['This needs a valid client certificate.']
  const sides = new Map(tree.map((action) => [action.name, action]))
  const deny = sides.get('deny')
  if (deny?.value) return deny.children.filter(({ value }) => value).map(keptOut)
  const blocks = sides.get('allow')?.children ?? []
  const ways = [...new Set(blocks.flatMap(waysIn))]
  if (ways.length === 0) return ['Nobody may use this.']
  const looksAt = new Set(blocks.flatMap(({ children }) => children.map(({ name }) => name)))
  return [`This is for ${joined(ways, 'or')}.`, ...whoInWords(facts, looksAt)]
}

/** What the rules saw of the person, as far as they looked. */
function whoInWords({ session }: Facts, looksAt: ReadonlySet<string>): readonly string[] {
  if (session === undefined) return []
  const sentences: string[] = []
  if (looksAt.has('groups') || looksAt.has('claim/groups')) {
    const groups = (session.flatClaims.get('groups') ?? []).map(String)
    const more = groups.length > shownGroups ? [`${groups.length - shownGroups} more`] : []
    const list = joined([...groups.slice(0, shownGroups), ...more], 'and')
    sentences.push(groups.length === 0 ? 'You are in no group.' : `You are in ${list}.`)
  }
  if ((looksAt.has('email') || looksAt.has('domain')) && !session.emailVerified && session.email !== '')
    sentences.push('The sign-in service says that your address was never verified, so it opens nothing.')
  return sentences
}

/** Somebody can be in hundreds. */
const shownGroups = 10

/** A block of `deny` that is true: what it found. */
function keptOut({ name, children }: ExplainedNode): string {
  const turned = name === 'not' || name === 'nor'
  const found = children.filter(({ value }) => value !== turned).map((node) => demandInWords(node, true))
  const list = joined([...new Set(found)], name === 'or' || name === 'nor' ? 'or' : 'and')
  return turned ? `A rule keeps out whoever lacks ${list}.` : `A rule keeps out ${list}.`
}

/** A block of `allow` that is false: each way in that it has, as far as it was not met. */
function waysIn({ name, children }: ExplainedNode): readonly string[] {
  const words = (node: ExplainedNode) => demandInWords(node, true)
  switch (name) {
    case 'or':
      return children.map(words)
    case 'and':
      return [joined(children.filter(({ value }) => !value).map(words), 'and')]
    case 'not':
      return [`whoever lacks ${joined(children.filter(({ value }) => value).map(words), 'and')}`]
    default:
      return [`whoever lacks ${joined(children.map(words), 'or')}`]
  }
}

function joined(items: readonly string[], word: 'and' | 'or'): string {
  if (items.length < 2) return items.join('')
  return `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)}`
}

const comparisons: Readonly<Record<string, string>> = {
  is: '',
  has: '',
  in: '',
  not: 'other than ',
  not_in: 'other than ',
  exclude: 'other than ',
  contains: 'that contains ',
  starts_with: 'that begins with ',
  ends_with: 'that ends with ',
}

function comparison(data: unknown): string {
  if (!isMap(data)) return plain(data)
  return Object.entries(data)
    .map(([operator, value]) => `${comparisons[operator.toLowerCase()] ?? `${operator} `}${plain(value)}`)
    .join(' and ')
}

function spanInWords(data: unknown): string {
  if (!isMap(data)) return plain(data)
  const { after, before, timezone } = data
  const parts = [
    after === undefined ? '' : `after ${plain(after)}`,
    before === undefined ? '' : `before ${plain(before)}`,
    timezone === undefined ? '' : `(${plain(timezone)})`,
  ]
  return parts.filter((part) => part !== '').join(' ')
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return joined(value.map(plain), 'or')
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
