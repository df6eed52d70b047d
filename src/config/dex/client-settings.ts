/** Applications as they are declared to what the broker serves. */
import type { z } from 'zod'
import { Secret } from '../../crypto/secret.ts'
import type { Environment } from '../environment.ts'
import type { Span } from '../node.ts'
import { type Findings, printPath } from '../problem.ts'
import type { ClientSettings } from './broker-settings.ts'
import type { clientSections } from './client-section.ts'
import type { Path } from './read-section.ts'

export type ClientValues = z.output<ReturnType<typeof clientSections>>[number]

interface ClientReading {
  /** Where the configuration stands in its file, and where the clients stand inside of it. */
  readonly root: Path
  readonly path: Path
  readonly findings: Findings
  readonly environment: Environment
  readonly at: (path: Path) => Span
}

/** All of them; those that are wrong are reported and missing in the result. */
export function clientsOf(values: readonly ClientValues[], reading: ClientReading): readonly ClientSettings[] {
  const seen = new Map<string, number>()
  return values.flatMap((client, index): readonly ClientSettings[] => {
    const settings = clientOf(client, { ...reading, path: [...reading.path, index] })
    if (settings === undefined) return []
    const before = seen.get(settings.id)
    seen.set(settings.id, index)
    if (before === undefined) return [settings]
    tell(reading, [...reading.path, index, client.id === undefined ? 'idEnv' : 'id'], {
      kind: 'contradiction',
      message: `the same id as ${printPath([...reading.path, before])}: ${JSON.stringify(settings.id)}`,
    })
    return []
  })
}

function clientOf(client: ClientValues, reading: ClientReading): ClientSettings | undefined {
  const { path } = reading
  const id = eitherOf('id', client.id, client.idEnv, reading)
  const fromEnv = eitherOf('secret', undefined, client.secretEnv, reading)
  const secret = client.secret ?? (fromEnv === undefined || fromEnv === '' ? undefined : new Secret(fromEnv))
  const names = [
    ...(id === '' ? (['id'] as const) : []),
    ...(client.name.trim() === '' ? (['name'] as const) : []),
    ...(secret === undefined && !client.public && fromEnv !== '' ? (['secret'] as const) : []),
  ]
  for (const key of names)
    tell(reading, [...path, key], { kind: 'missing', message: `"${key}" is missing`, hint: waysOut[key] })
  if (client.secret !== undefined && (client.secretEnv ?? '') !== '') bothGiven('secret', reading)
  const areRight = addressesAreRight(client, reading)
  if (names.length > 0 || !areRight || id === undefined || fromEnv === '') return undefined
  const { idEnv: _, secretEnv: __, pkce, ...rest } = client
  return {
    ...rest,
    id,
    secret,
    redirectURIs: asBrowsersWrite(client.redirectURIs),
    postLogoutRedirectURIs: asBrowsersWrite(client.postLogoutRedirectURIs),
    backchannelLogoutURI: client.backchannelLogoutURI || undefined,
    pkce: client.public ? 'required' : (pkce ?? 'optional'),
    groups: client.groups,
  }
}

/**
 * The addresses, and beside each one whose host has capitals the same with a host in lower case (RFC 3986 §3.2.2), which
 * is how clients in browsers and this proxy write it. Everything else is compared character by character.
 */
export function asBrowsersWrite(uris: readonly string[]): readonly string[] {
  const lower = uris.map((uri) => uri.replace(/^https?:\/\/[^/?#@]+(?=[/?#]|$)/i, (start) => start.toLowerCase()))
  return [...new Set(uris.flatMap((uri, index) => [uri, lower[index] ?? uri]))]
}

const waysOut = {
  id: 'give id, or idEnv with the name of a variable',
  name: undefined,
  secret: 'give secret or secretEnv; public: true is for an application that can keep none',
} as const

/** The text, or what the variable holds; '' where neither is given, undefined after a problem with the variable. */
function eitherOf(
  key: 'id' | 'secret',
  text: string | undefined,
  variable: string | undefined,
  reading: ClientReading,
): string | undefined {
  if ((variable ?? '') === '') return key === 'id' ? (text ?? '') : undefined
  if ((text ?? '') !== '') {
    bothGiven(key, reading)
    return undefined
  }
  const value = reading.environment[variable ?? ''] ?? ''
  if (value !== '') return value
  tell(reading, [...reading.path, `${key}Env`], {
    kind: 'missing',
    message: `the variable ${JSON.stringify(variable)} is not set`,
  })
  return key === 'id' ? undefined : ''
}

function bothGiven(key: 'id' | 'secret', reading: ClientReading): void {
  tell(reading, [...reading.path, `${key}Env`], {
    kind: 'contradiction',
    message: `both "${key}" and "${key}Env" are set`,
    hint: 'keep one of them',
  })
}

/** For installed applications that show the code (RFC 6749's "oob" of old), as in Dex. */
const outOfBand = 'urn:ietf:wg:oauth:2.0:oob'

function addressesAreRight(client: ClientValues, reading: ClientReading): boolean {
  const lists = [
    ['redirectURIs', client.redirectURIs],
    ['postLogoutRedirectURIs', client.postLogoutRedirectURIs],
    ['backchannelLogoutURI', client.backchannelLogoutURI ? [client.backchannelLogoutURI] : []],
  ] as const
  let areRight = true
  for (const [key, uris] of lists)
    for (const [index, uri] of uris.entries()) {
      const where = [...reading.path, key, ...(key === 'backchannelLogoutURI' ? [] : [index])]
      const expected = wrongAddress(uri, key)
      if (expected === undefined) {
        if (key === 'redirectURIs' && travelsInClear(uri)) tell(reading, where, { ...answersInClear, isWarning: true })
        continue
      }
      areRight = false
      tell(reading, where, {
        kind: 'value',
        message: `expected ${expected}, got ${JSON.stringify(uri.slice(0, 200))}`,
      })
    }
  if (client.redirectURIs.length === 0 && !client.public)
    tell(reading, reading.path, {
      kind: 'doubtful',
      message: 'there are no redirectURIs: nobody can sign in for this client',
      isWarning: true,
    })
  return areRight
}

/** What is expected instead, or undefined where the address is good. */
export function wrongAddress(uri: string, key: string): string | undefined {
  if (key === 'redirectURIs' && (uri === outOfBand || /^\/.*\/?device\/callback$/.test(uri))) return undefined
  if (/\s/.test(uri) || !URL.canParse(uri)) return 'an absolute address such as https://app.example.com/callback'
  const { protocol, hash } = new URL(uri)
  // RFC 6749 §3.1.2: no fragment. A scheme that runs or shows something is an attack on whoever is sent there.
  if (hash !== '' || uri.includes('#')) return 'an address without a fragment'
  if (/^(?:javascript|data|vbscript|file|blob|about):$/.test(protocol)) return 'an address of an application'
  return key !== 'backchannelLogoutURI' || /^https?:$/.test(protocol) ? undefined : 'an address with https://'
}

/** Told of a redirect address that RFC 9700 §2.6 forbids and Dex takes: whoever listens on the way has the code. */
export const answersInClear = {
  kind: 'doubtful',
  message: 'codes come back in clear: this is plain http, and not on the machine of the browser (RFC 9700 §2.6)',
  hint: 'give the application https, and demand PKCE of it as long as it has none',
} as const

/** Loopback is the browser's own machine (RFC 8252 §7.3). */
export function travelsInClear(uri: string): boolean {
  const url = URL.parse(uri)
  return url?.protocol === 'http:' && !/^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)
}

interface Told {
  readonly kind: 'missing' | 'contradiction' | 'value' | 'doubtful'
  readonly message: string
  readonly hint?: string | undefined
  readonly isWarning?: boolean
}

function tell({ findings, at, root }: ClientReading, path: Path, { isWarning, ...told }: Told): void {
  const detail = { ...told, path: printPath([...root, ...path]), span: at(path) }
  if (isWarning === true) findings.warn(detail)
  else findings.error(detail)
}
