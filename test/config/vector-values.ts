/** Our settings in the forms of `values` in the configuration vectors. */
import type { ListenAddress } from '#src/config/address-types.ts'
import type { RouteSettings, Settings } from '#src/config/schema.ts'
import { printDuration } from '#src/wire/duration.ts'

type Form = (settings: Settings) => unknown

const address = (value: ListenAddress | undefined) =>
  value === undefined ? '' : `${value.host.includes(':') ? `[${value.host}]` : value.host}:${value.port}`
/** Header names have no case; the vectors hold them as their file reader left them. */
const lowerNames = (map: Readonly<Record<string, string>> | undefined) =>
  Object.fromEntries(Object.entries(map ?? {}).map(([name, value]) => [name.toLowerCase(), value]))

const forms: Readonly<Record<string, Form>> = {
  address: (s) => address(s.address),
  authenticate_url: (s) => s.authenticate_service_url ?? '',
  stateless: (s) => s.authenticate_service_url === undefined,
  cookie_domain: (s) => s.cookie_domain ?? '',
  cookie_expire: (s) => printDuration(s.cookie_expire),
  cookie_name: (s) => s.cookie_name ?? '',
  cookie_same_site: (s) => s.cookie_same_site,
  default_upstream_timeout: (s) => printDuration(s.default_upstream_timeout),
  health_check_addr: (s) => address(s.health_check_addr),
  http_redirect_addr: (s) => address(s.http_redirect_addr),
  idp_provider: (s) => s.idp_provider ?? '',
  idp_request_params: (s) => s.idp_request_params,
  idp_scopes: (s) => s.idp_scopes,
  insecure_server: (s) => s.insecure_server,
  jwt_claims_headers: (s) => lowerNames(s.jwt_claims_headers),
  jwt_issuer_format: (s) => ({ hostOnly: 'IssuerHostOnly', uri: 'IssuerURI' })[s.jwt_issuer_format],
  log_level: (s) => s.log_level,
  pass_identity_headers: (s) => s.pass_identity_headers,
  set_response_headers: (s) => lowerNames(s.set_response_headers),
  skip_xff_append: (s) => s.skip_xff_append,
  timeout_idle: (s) => printDuration(s.timeout_idle),
  timeout_read: (s) => printDuration(s.timeout_read),
  timeout_write: (s) => printDuration(s.timeout_write),
  xff_num_trusted_hops: (s) => s.xff_num_trusted_hops,
  path_with_escaped_slashes_action: (s) =>
    `PATH_WITH_ESCAPED_SLASHES_ACTION_${s.path_with_escaped_slashes_action.toUpperCase()}`,
  headers_with_underscores_action: (s) =>
    `HEADERS_WITH_UNDERSCORES_ACTION_${s.headers_with_underscores_action.toUpperCase()}`,
  route_count: (s) => s.routes.length,
}

const routeForms: Readonly<Record<string, (route: RouteSettings) => unknown>> = {
  allow_websockets: (r) => r.allow_websockets,
  from: (r) => r.from,
  idle_timeout: (r) => (r.idle_timeout === undefined ? null : printDuration(r.idle_timeout)),
  pass_identity_headers: (r) => r.pass_identity_headers ?? null,
  path: (r) => r.path ?? '',
  prefix: (r) => r.prefix ?? '',
  preserve_host_header: (r) => r.preserve_host_header,
  remove_request_headers: (r) => r.remove_request_headers,
  set_request_headers: (r) => lowerNames(r.set_request_headers),
  set_response_headers: (r) => lowerNames(r.set_response_headers),
  timeout: (r) => (r.timeout === undefined ? null : printDuration(r.timeout)),
  to: (r) => (r.to ?? []).map(({ url, weight }) => `${url} weight=${weight}`),
}

/** Our value in the vector's form, or undefined where the option is none of ours. */
export function ownValue(settings: Settings, key: string): { readonly value: unknown } | undefined {
  const [, index, name] = /^routes\.(\d+)\.(.+)$/.exec(key) ?? []
  if (index === undefined || name === undefined) {
    const form = forms[key]
    return form === undefined ? undefined : { value: form(settings) }
  }
  const route = settings.routes[Number(index)]
  const form = routeForms[name]
  return form === undefined || route === undefined ? undefined : { value: form(route) }
}

/** A vector's value in the same form: unset lists and maps are empty, headers without case, enums in lower case. */
export function expectedValue(key: string, value: unknown): unknown {
  if (key.endsWith('headers') && value !== null && !Array.isArray(value) && typeof value === 'object')
    return lowerNames(value as Record<string, string>)
  if (key === 'idp_scopes' && value === null) return []
  if (key === 'jwt_claims_headers' && value === null) return {}
  if (key === 'pass_identity_headers' && value === null) return false
  if (key === 'cookie_same_site') return String(value).toLowerCase()
  return value
}
