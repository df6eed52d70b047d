/** Everything that the criteria of a policy could look for in a person or a request, each as a change of a neutral one. */
import type { ClientCertificate } from '../../policy/facts.ts'
import type { ExplainedNode } from '../../policy/policy.ts'
import { isMap } from '../../policy/rules.ts'
import type { State } from '../changes.ts'
import { momentText } from '../moment.ts'
import type { Person } from '../subject.ts'
import { addressesOf, ageOf, listValuesOf, momentsOf, mostValues, textsOf } from './mentioned.ts'
import { type Records, rowsOf } from './records.ts'

export interface Value {
  /** Two values of one slot exclude each other. */
  readonly slot: string
  readonly about: 'person' | 'request'
  /** `the group devops`, `the method POST`. */
  readonly words: string
  apply(state: State): State
}

interface Known {
  readonly now: number
  /** Of both configurations. */
  readonly records: readonly Records[]
}

/** The values that these criteria mention; some of them may come twice. */
export function mentionedValues(nodes: readonly ExplainedNode[], known: Known): readonly Value[] {
  const emails = new Set(nodes.filter(({ name }) => name === 'email').flatMap(({ data }) => textsOf(data)))
  return nodes.flatMap((node) => valuesOf(node, { ...known, emails }).slice(0, mostValues * 4))
}

function valuesOf({ name, data }: ExplainedNode, known: Known & { emails: ReadonlySet<string> }): readonly Value[] {
  const [criterion = '', ...rest] = name.split('/')
  const subpath = rest.join('/')
  const texts = () => textsOf(data).slice(0, mostValues)
  switch (criterion) {
    case 'user':
      // Every entry of `allowed_users` stands for a user id and an address; one person is enough.
      return texts()
        .filter((id) => !known.emails.has(id))
        .map(userValue)
    case 'email':
      return texts().map(emailValue)
    case 'domain':
      return texts().map(domainValue)
    case 'record':
      return rowsOf(data, known.records).map(({ key, name: row }) => valueOfRow[key](row))
    case 'groups':
      return listValuesOf(data).map((group) => claimValue('groups', group))
    case 'claim':
      return listValuesOf(data).map((value) => claimValue(subpath, value))
    case 'acr':
      return texts().map((acr) =>
        ofPerson('acr', `a sign-in by ${acr}`, (person) => ({ ...person, claims: { ...person.claims, acr } })),
      )
    case 'auth_age':
      return agesOf(data)
    case 'http_method':
      return texts().map((method) => ofRequest('method', `the method ${method}`, { method }))
    case 'cors_preflight':
      return [preflight]
    case 'http_path':
      return texts().flatMap(pathValues)
    case 'url_query':
      return texts().map((text) => queryValue(subpath, text))
    case 'header':
      return texts().map((text) => headerValue(subpath.toLowerCase(), text))
    case 'user_agent':
      return texts().map((text) => headerValue('user-agent', text))
    case 'source_ip':
      return addressesOf(data).map(addressValue)
    case 'client_certificate':
    case 'invalid_client_certificate':
      return certificates(data)
    case 'date':
    case 'day_of_week':
    case 'time_of_day':
      return momentsOf(criterion, data, known.now).map((time) =>
        ofRequest('time', `the time ${momentText(time)}`, { time }),
      )
    default:
      return []
  }
}

const userValue = (id: string) => ofPerson('user', `the user id ${id}`, (person) => ({ ...person, userId: id }))

function emailValue(text: string): Value {
  const email = text.startsWith('@') ? `somebody${text}` : text
  return ofPerson('email', email, (person) => ({ ...person, email, emailVerified: true }))
}

function domainValue(domain: string): Value {
  const email = `somebody@${domain}`
  return ofPerson('email', `an address at ${domain}`, (person) => ({ ...person, email, emailVerified: true }))
}

const addressValue = (address: string) => ofRequest('address', `the address ${address}`, { address })

const valueOfRow = {
  'user.id': userValue,
  'user.email': emailValue,
  'user.domain': domainValue,
  'client.address': addressValue,
} as const

function ofPerson(slot: string, words: string, change: (person: Person) => Person): Value {
  return { slot, about: 'person', words, apply: (state) => ({ ...state, person: change(state.person) }) }
}

function ofRequest(slot: string, words: string, change: Partial<State['request']>): Value {
  return { slot, about: 'request', words, apply: (state) => ({ ...state, request: { ...state.request, ...change } }) }
}

/** A claim may have many values, so that each is a slot of its own. */
function claimValue(name: string, value: unknown): Value {
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  const isGroup = name === 'groups'
  const words = isGroup ? `the group ${shown}` : `the claim ${name} with ${shown}`
  return ofPerson(`claim ${name} ${typeof value} ${shown}`, words, (person) => {
    if (isGroup && typeof value === 'string') return { ...person, groups: [...person.groups, value] }
    const key = name.replaceAll('/', '.')
    const old = person.claims[key]
    const claims = { ...person.claims, [key]: [...(Array.isArray(old) ? old : []), value] }
    return { ...person, claims }
  })
}

function agesOf(data: unknown): readonly Value[] {
  const age = ageOf(data)
  if (age === undefined) return []
  const signedIn = (words: string, before: number): Value => ({
    slot: 'age',
    about: 'person',
    words,
    apply: ({ person, request }) => ({ request, person: { ...person, signedInAt: request.time - before } }),
  })
  return [
    signedIn(`a sign-in at most ${data} ago`, Math.max(0, age - 1000)),
    signedIn(`a sign-in more than ${data} ago`, age + 61_000),
  ]
}

const preflight: Value = {
  slot: 'method',
  about: 'request',
  words: 'a CORS preflight request',
  apply: ({ person, request }) => ({
    person,
    request: {
      ...request,
      method: 'OPTIONS',
      headers: [...request.headers, 'origin', 'https://elsewhere.example', 'access-control-request-method', 'GET'],
    },
  }),
}

function headerValue(name: string, text: string): Value {
  return {
    slot: `header ${name}`,
    about: 'request',
    words: name === 'user-agent' ? `the program ${text}` : `the header ${name}: ${text}`,
    apply: ({ person, request }) => ({ person, request: { ...request, headers: [...request.headers, name, text] } }),
  }
}

function queryValue(name: string, text: string): Value {
  const parameter = new URLSearchParams([[name, text]]).toString()
  return {
    slot: `query ${name}`,
    about: 'request',
    words: `the parameter ${name}=${text}`,
    apply: ({ person, request }) => {
      const sign = request.url.includes('?') ? '&' : '?'
      return { person, request: { ...request, url: `${request.url}${sign}${parameter}` } }
    },
  }
}

/** The path itself and something below it; a text that begins no path is taken for a piece of one. */
function pathValues(text: string): readonly Value[] {
  const path = text.startsWith('/') ? text : `/${text}`
  return [path, `${path}${path.endsWith('/') ? '' : '/'}x`].map((one) => pathValue(one))
}

export function pathValue(path: string): Value {
  return {
    slot: 'path',
    about: 'request',
    words: `the path ${path}`,
    apply: ({ person, request }) => ({ person, request: { ...request, url: withPath(request.url, path) } }),
  }
}

function withPath(url: string, path: string): string {
  const [, front = '', query = ''] = /^(https:\/\/[^/?]*)[^?]*(.*)$/.exec(url) ?? []
  return `${front}${encodeURI(path.toWellFormed()).replaceAll('?', '%3F').replaceAll('#', '%23')}${query}`
}

const someCertificate: ClientCertificate = {
  valid: true,
  fingerprint: '0'.repeat(64),
  spkiHash: `${'A'.repeat(43)}=`,
  sanDns: [],
  sanEmail: [],
  sanUri: [],
}

function certificates(data: unknown): readonly Value[] {
  const made = (words: string, change: Partial<ClientCertificate>) =>
    ofRequest('certificate', words, { certificate: { ...someCertificate, ...change } })
  const usual = [
    made('some valid client certificate', {}),
    made('a client certificate that is not valid', { valid: false }),
  ]
  if (!isMap(data)) return usual
  const matching: { -readonly [K in keyof ClientCertificate]?: ClientCertificate[K] } = {}
  for (const [key, value] of Object.entries(data)) {
    const [first] = Array.isArray(value) ? value : [value]
    if (key === 'fingerprint' && typeof first === 'string')
      matching.fingerprint = first.replaceAll(':', '').toLowerCase()
    if (key === 'spki_hash' && typeof first === 'string') matching.spkiHash = first
    if (key === 'san_dns') matching.sanDns = textsOf(value)
    if (key === 'san_email') matching.sanEmail = textsOf(value)
    if (key === 'san_uri') matching.sanUri = textsOf(value)
  }
  return [...usual, made('a client certificate as the rule names it', matching)]
}
