/** What single keys of Dex's configuration cannot see: forms, contradictions, and what is doubtful on purpose. */
import { compileNetworks } from '../../wire/address.ts'
import { requiredListenAddress } from '../address-types.ts'
import { printPath } from '../problem.ts'
import type { BrokerValues } from './broker-sections.ts'
import { grantTypes } from './broker-sections.ts'
import { checkGroupNames } from './check-group-names.ts'
import { checkPeople } from './check-people.ts'
import { type Checking, error, type Told, warn } from './checking.ts'
import type { Path } from './read-section.ts'

export function checkBroker(values: BrokerValues, checking: Checking): void {
  checkIssuer(values, checking)
  checkWeb(values, checking)
  checkGrpc(values, checking)
  checkProtocol(values, checking)
  checkPeople(values, checking)
  checkGroupNames(checking)
}

function checkIssuer({ issuer }: BrokerValues, checking: Checking): void {
  if (issuer === undefined) return
  const example = 'an address such as https://dex.example.com/dex'
  const isOne = !/[\s\\]|%(?![\dA-Fa-f]{2})/.test(issuer) && /^https?:\/\/[^/?#]/i.test(issuer) && URL.canParse(issuer)
  if (!isOne) {
    error(
      ['issuer'],
      { kind: 'value', message: `expected ${example}, got ${JSON.stringify(issuer.slice(0, 200))}` },
      checking,
    )
    return
  }
  const url = new URL(issuer)
  // OpenID Connect Discovery §3: no query, no fragment.
  const surplus =
    url.username !== '' || url.password !== '' ? 'a user name' : /[?#]/.test(issuer) ? 'a query or fragment' : undefined
  if (surplus !== undefined)
    error(['issuer'], { kind: 'value', message: `expected ${example}, got one with ${surplus}` }, checking)
  else if (url.protocol === 'http:')
    warn(
      ['issuer'],
      {
        kind: 'doubtful',
        message: 'the issuer is plain http: passwords, codes and tokens travel in clear',
        hint: 'use https, if need be behind something that ends TLS; then change the issuer at every application, too',
      },
      checking,
    )
}

function checkWeb({ web }: BrokerValues, checking: Checking): void {
  if (web === undefined) return
  checkAddress(web.http, ['web', 'http'], checking)
  checkAddress(web.https, ['web', 'https'], checking)
  if ((web.https ?? '') !== '' && web.tlsCert === '' && web.tlsKey === '')
    error(
      ['web', 'https'],
      { kind: 'missing', message: 'https needs a certificate', hint: 'add tlsCert and tlsKey, paths of PEM files' },
      checking,
    )
  checkNetworks(web.clientRemoteIP, checking)
}

function checkAddress(address: string | undefined, path: Path, checking: Checking): void {
  if (address === undefined || address === '' || requiredListenAddress().safeParse(address).success) return
  const message = `expected an address such as 127.0.0.1:5556, got ${JSON.stringify(address.slice(0, 100))}`
  error(path, { kind: 'value', message }, checking)
}

function checkNetworks(
  client: { readonly header: string; readonly trustedProxies: readonly string[] } | undefined,
  checking: Checking,
): void {
  if (client === undefined) return
  for (const [index, network] of client.trustedProxies.entries()) {
    try {
      compileNetworks([network])
    } catch {
      const message = `expected a network such as 10.0.0.0/8, got ${JSON.stringify(network.slice(0, 100))}`
      error(['web', 'clientRemoteIP', 'trustedProxies', index], { kind: 'value', message }, checking)
    }
  }
  if (client.header !== '' && client.trustedProxies.length === 0)
    warn(
      ['web', 'clientRemoteIP'],
      {
        kind: 'ignored',
        message: `"${client.header}" is believed from nobody: there are no trustedProxies`,
        hint: 'name the networks of the proxies in front',
      },
      checking,
    )
}

function checkGrpc({ grpc }: BrokerValues, checking: Checking): void {
  if (grpc === undefined || grpc.addr === '') return
  checkAddress(grpc.addr, ['grpc', 'addr'], checking)
  const isLoopback = /^(?:localhost|127\.[\d.]+|\[::1\]):\d+$/.test(grpc.addr)
  const isMutual = grpc.tlsCert !== '' && grpc.tlsClientCA !== ''
  if (isMutual || (isLoopback && grpc.tlsCert === '' && grpc.tlsClientCA === '')) return
  error(
    ['grpc', grpc.tlsCert === '' || isLoopback ? 'addr' : 'tlsCert'],
    {
      kind: 'missing',
      message: 'the gRPC API needs certificates on both sides: whoever reaches it can read and change everything',
      hint: `add tlsCert, tlsKey and tlsClientCA${isLoopback ? ', or none of them on a loopback address' : ', or listen on 127.0.0.1'}`,
    },
    checking,
  )
}

function wrongGrant(grant: string): Told | undefined {
  const names: readonly string[] = grantTypes
  if (names.includes(grant)) return undefined
  const hint = Object.hasOwn(refusedGrants, grant) ? refusedGrants[grant] : `there are ${names.join(', ')}`
  return { kind: 'unsupported', message: `the grant ${JSON.stringify(grant.slice(0, 100))} is not supported`, hint }
}

/** Why some words of the protocol are not offered. */
const refusedGrants: Readonly<Record<string, string>> = {
  implicit: 'tokens would travel through addresses of pages (RFC 9700 §2.1.2): use the code flow with PKCE',
  password: 'passwords would be handed to applications (RFC 9700 §2.4): use the code flow, or the device flow',
  client_credentials: 'it knows no person; give machines a certificate or token that the application itself checks',
}

function checkProtocol({ oauth2, signer }: BrokerValues, checking: Checking): void {
  for (const [index, type] of (oauth2?.responseTypes ?? []).entries()) {
    if (type.trim() === 'code') continue
    error(
      ['oauth2', 'responseTypes', index],
      {
        kind: 'unsupported',
        message: `the response type ${JSON.stringify(type)} is not supported`,
        hint: 'tokens would travel through addresses of pages (RFC 9700 §2.1.2): use code with PKCE, which pages can do as well',
      },
      checking,
    )
  }
  for (const [index, grant] of (oauth2?.grantTypes ?? []).entries()) {
    const told = wrongGrant(grant)
    if (told !== undefined) error(['oauth2', 'grantTypes', index], told, checking)
  }
  for (const { settings, path, at } of checking.connectors)
    for (const [index, grant] of settings.grantTypes.entries()) {
      const told = wrongGrant(grant)
      const where = ['grantTypes', index]
      if (told !== undefined)
        checking.findings.error({ ...told, path: printPath([...path, ...where]), span: at(where) })
    }
  const methods = oauth2?.pkce.codeChallengeMethodsSupported ?? []
  for (const [index, method] of methods.entries())
    if (method !== 'S256') {
      const message = `${JSON.stringify(method.slice(0, 50))} is ignored: only S256 is taken`
      warn(['oauth2', 'pkce', 'codeChallengeMethodsSupported', index], { kind: 'ignored', message }, checking)
    }
  if (signer !== undefined && signer.type !== 'local')
    error(
      ['signer', 'type'],
      {
        kind: 'unsupported',
        message: `the signer ${JSON.stringify(signer.type.slice(0, 50))} is not supported`,
        hint: 'use local: its keys are made here, rotated, and kept encrypted in the storage',
      },
      checking,
    )
}
