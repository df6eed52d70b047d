/**
 * Which proxy leads to a provider or a service, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as programs in Go (Pomerium, Dex)
 * read these: each scheme has its own variable, nothing on this machine's loopback goes through a proxy, and
 * NO_PROXY lists names (with everything below them), addresses and networks, with a port or without.
 */
import { isIP } from 'node:net'
import { compileNetworks } from '../wire/address.ts'

export interface EnvironmentProxy {
  /** Without user and password, for messages. */
  readonly origin: string
  /** The header Proxy-Authorization, where the address holds a user. */
  readonly authorization: string | undefined
}

/** Undefined: straight. @throws TypeError where the variable names no proxy that can be used: then nothing goes anywhere */
export type ProxyFor = (url: URL) => EnvironmentProxy | undefined

type Environment = Readonly<Record<string, string | undefined>>

export function proxiesOf(environment: Environment): ProxyFor {
  const read = (name: string) => environment[name] || environment[name.toLowerCase()] || ''
  const bypasses = compileBypass(read('NO_PROXY'))
  return (url) => {
    const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
    const text = read(name)
    if (text === '') return undefined
    const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
    return isLoopback(host) || bypasses(host, url.port || defaultPort(url)) ? undefined : readProxy(text, name)
  }
}

/** What stands in the environment, for the log of the start: a proxy without its password, or what is wrong with it. */
export function proxiesInWords(environment: Environment): readonly string[] {
  const proxyFor = proxiesOf({ ...environment, NO_PROXY: '', no_proxy: '' })
  return (['http:', 'https:'] as const).flatMap((scheme) => {
    try {
      const proxy = proxyFor(new URL(`${scheme}//elsewhere.test`))
      return proxy === undefined ? [] : [`${scheme}// by ${proxy.origin}`]
    } catch (error) {
      return [error instanceof Error ? error.message : 'unknown reason']
    }
  })
}

function readProxy(text: string, name: string): EnvironmentProxy {
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const url = URL.canParse(address) ? new URL(address) : undefined
  // The value may hold a password, and is not told.
  if (url === undefined) throw new TypeError(`${name} has to be an address such as http://proxy.example.com:3128`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`${name} has to be a proxy with http:// or https://, got ${url.protocol}//`)
  const user = `${decoded(url.username)}:${decoded(url.password)}`
  return {
    origin: url.origin,
    authorization: url.username === '' ? undefined : `Basic ${Buffer.from(user).toString('base64')}`,
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const loopback = compileNetworks(['127.0.0.0/8', '::1'])

function isLoopback(host: string): boolean {
  return host === 'localhost' || (isIP(host) !== 0 && loopback.has(host))
}

function defaultPort({ protocol }: URL): string {
  return protocol === 'https:' ? '443' : '80'
}

type Bypass = (host: string, port: string) => boolean

function compileBypass(text: string): Bypass {
  const rules = text.split(',').flatMap((entry) => {
    const rule = entry.trim().toLowerCase()
    return rule === '' ? [] : [bypassOf(rule)]
  })
  return (host, port) => rules.some((bypasses) => bypasses(host, port))
}

function bypassOf(entry: string): Bypass {
  if (entry === '*') return () => true
  const { host = entry, port } = /^(?<host>\[[^\]]*\]|[^:]*):(?<port>\d*)$/.exec(entry)?.groups ?? {}
  const name = host.replace(/^\[|\]$/g, '')
  const hasPort = (wanted: string) => (port ?? '') === '' || port === wanted
  if (isIP(name.replace(/\/\d+$/, '')) !== 0) {
    const networks = networksOf(name)
    return (seen, wanted) => isIP(seen) !== 0 && networks?.has(seen) === true && hasPort(wanted)
  }
  // `.corp.test` and `*.corp.test` are what lies below, `corp.test` is itself as well.
  const below = name.startsWith('*.') ? name.slice(1) : name.startsWith('.') ? name : `.${name}`
  const itself = below === `.${name}` ? name : undefined
  return (seen, wanted) => below !== '.' && (seen === itself || seen.endsWith(below)) && hasPort(wanted)
}

function networksOf(text: string) {
  try {
    return compileNetworks([text])
  } catch {
    return undefined
  }
}
