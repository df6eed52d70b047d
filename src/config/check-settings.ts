/** Contradictions between global settings, and between them and the routes. */

import { accessFieldNames, unknownAccessFields } from '../observe/access-line.ts'
import { authorizeFieldNames, unknownAuthorizeFields } from '../observe/authorize-line.ts'
import { nearest } from '../wire/nearest.ts'
import type { NamedRules } from './access.ts'
import { anyNeedsSignIn } from './check-routes.ts'
import type { Entry, Span } from './node.ts'
import { fits } from './pem-types.ts'
import type { Findings } from './problem.ts'
import { hostRuleOf, type RouteDraft, spanOf } from './route-draft.ts'
import type { SettingValues } from './schema.ts'

interface Checking {
  readonly entries: ReadonlyMap<string, Entry>
  readonly drafts: readonly RouteDraft[]
  readonly policies: NamedRules
  readonly findings: Findings
  /** The whole of the first source, for what is missing. */
  readonly whole: Span
  /** A broker of our own stands in where no provider is named. */
  readonly isBrokered: boolean
}

/** Providers whose issuer everybody knows. */
const known = new Set(['apple', 'github', 'gitlab', 'google'])

export function checkSettings(values: SettingValues, checking: Checking): void {
  checkCertificates(values, checking)
  checkProvider(values, checking)
  checkSignIn(values, checking)
  checkAuthenticateHost(values, checking)
  checkCookies(values, checking)
  checkLogFields(values, checking)
}

function checkCertificates(values: SettingValues, { entries, findings, whole }: Checking): void {
  const chain = entries.get('certificate')
  const key = entries.get('certificate_key')
  if (chain !== undefined && key === undefined) {
    findings.error({
      kind: 'missing',
      path: chain.key,
      message: 'a certificate without its key',
      hint: 'add certificate_key_file (or certificate_key)',
      span: chain.keySpan,
    })
  } else if (key !== undefined && chain === undefined) {
    findings.error({
      kind: 'missing',
      path: key.key,
      message: 'a key without its certificate',
      hint: 'add certificate_file (or certificate)',
      span: key.keySpan,
    })
  } else if (
    key !== undefined &&
    values.certificate !== undefined &&
    values.certificate_key !== undefined &&
    !fits(values.certificate, values.certificate_key)
  ) {
    findings.error({
      kind: 'contradiction',
      path: key.key,
      message: 'the key does not fit the certificate',
      span: key.keySpan,
    })
  }
  const isTold = findings.errors.some(({ path }) => path.startsWith('certificate'))
  if (values.insecure_server === false && chain === undefined && !values.certificates?.length && !isTold) {
    findings.warn({
      kind: 'doubtful',
      path: 'certificates',
      message: 'there is no certificate: a self-signed one is made, which browsers do not trust',
      hint: 'give certificates, or insecure_server: true behind something that ends TLS',
      span: whole,
    })
  }
}

function checkProvider(values: SettingValues, { entries, findings }: Checking): void {
  const entry = entries.get('idp_provider')
  if (entry === undefined || values.idp_provider !== 'github') return
  findings.error({
    kind: 'unsupported',
    path: entry.key,
    message: '"github" is not supported yet: it offers no OpenID Connect sign-in',
    hint: 'put Dex in between, and name it by idp_provider: oidc',
    span: entry.value.span,
  })
}

function checkSignIn(values: SettingValues, { entries, drafts, policies, findings, isBrokered }: Checking): void {
  const draft = anyNeedsSignIn(drafts, policies)
  if (draft === undefined) return
  // The broker knows its own clients, and can make one for the proxy.
  const isOwn = isBrokered && values.idp_provider_url === undefined
  const needed: (keyof SettingValues)[] = [
    'authenticate_service_url',
    ...(isOwn ? [] : (['idp_provider', 'idp_client_id', 'idp_client_secret'] as const)),
  ]
  if (!isOwn && !known.has(values.idp_provider ?? '')) needed.push('idp_provider_url')
  // One that is there and wrong was reported already.
  const missing = needed.filter((key) => values[key] === undefined && (!entries.has(key) || key in values))
  if (missing.length > 0) {
    const list = missing.join(', ')
    findings.error({
      kind: 'missing',
      path: draft.path,
      message: `people have to sign in for this route, but there is no ${list}`,
      hint: `add ${list}`,
      span: spanOf(draft, 'from'),
    })
  }
  const random = (['shared_secret', 'cookie_secret'] as const).filter(
    (key) => values[key] === undefined && (!entries.has(key) || key in values),
  )
  if (random.length > 0) {
    findings.warn({
      kind: 'doubtful',
      path: random.join(', '),
      message: `made at random, since it is not set: sessions end when the process ends`,
      hint: 'make each with: head -c32 /dev/urandom | base64',
      span: spanOf(draft, 'from'),
    })
  }
}

function checkAuthenticateHost(values: SettingValues, { drafts, findings }: Checking): void {
  const origin = values.authenticate_service_url
  if (origin === undefined) return
  const own = hostRuleOf(origin)
  for (const draft of drafts) {
    const rule = hostRuleOf(draft.values.from ?? '')
    if (rule.host !== own.host || (rule.port !== '' && rule.port !== own.port)) continue
    findings.error({
      kind: 'contradiction',
      path: `${draft.path}.from`,
      message: 'the host of authenticate_service_url cannot be a route',
      hint: 'remove the route (sign-in is served there by itself), or use another host',
      span: spanOf(draft, 'from'),
    })
  }
}

function checkCookies(values: SettingValues, { entries, findings }: Checking): void {
  const name = entries.get('cookie_name')
  if (name !== undefined && values.cookie_name !== undefined) {
    // RFC 6265 §4.1.1: a token; the family appends to it.
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(values.cookie_name))
      findings.error({
        kind: 'value',
        path: name.key,
        message: 'expected a cookie name (letters, digits, - and _, at most 64)',
        expected: 'a cookie name',
        span: name.value.span,
      })
    else if (/^__Host-/i.test(values.cookie_name) && (values.cookie_domain ?? '') !== '')
      findings.error({
        kind: 'contradiction',
        path: name.key,
        message: 'a __Host- cookie cannot have a cookie_domain',
        span: name.keySpan,
      })
  }
  const domain = entries.get('cookie_domain')
  if (domain !== undefined && !/^(\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)?$/.test(values.cookie_domain ?? '')) {
    findings.error({
      kind: 'value',
      path: domain.key,
      message: 'expected a domain such as example.com',
      expected: 'a domain',
      span: domain.value.span,
    })
  }
}

function checkLogFields(values: SettingValues, { entries, findings }: Checking): void {
  for (const [key, known, unknownOf] of [
    ['access_log_fields', accessFieldNames, unknownAccessFields],
    ['authorize_log_fields', authorizeFieldNames, unknownAuthorizeFields],
  ] as const) {
    const entry = entries.get(key)
    if (entry === undefined) continue
    for (const name of unknownOf(values[key] ?? [])) {
      const near = nearest(name, known)
      findings.warn({
        kind: 'ignored',
        path: entry.key,
        message: `a field that the log does not have is ignored: ${JSON.stringify(name.slice(0, 40))}`,
        hint: near === undefined ? undefined : `did you mean "${near}"?`,
        span: entry.value.span,
      })
    }
  }
}
