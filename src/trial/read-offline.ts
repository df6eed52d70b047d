/** Reads a configuration for questions about it: what decides must be right, what only serving needs may be missing here. */
import type { Problem } from '../config/problem.ts'
import { type Configuration, type ConfigurationOptions, readConfiguration } from '../config/read-configuration.ts'
import { checkPolicy } from '../policy/compile-policy.ts'

/** Settings on which a decision depends: an error in one of them is one here, too. */
const deciding = new Set([
  ...['routes', 'policy', 'policies', 'records', 'tests', 'authenticate_service_url'],
  ...['normalize_path', 'merge_slashes', 'path_with_escaped_slashes_action', 'headers_with_underscores_action'],
])

/** Settings of a route on which none depends. */
const carrying = new Set([
  ...['to', 'logo_url', 'description', 'host_rewrite', 'prefix_rewrite', 'timeout', 'idle_timeout'],
  ...['set_request_headers', 'remove_request_headers', 'set_response_headers'],
  ...['tls_custom_ca', 'tls_custom_ca_file', 'tls_server_name', 'tls_upstream_server_name'],
])

/** A missing secret, certificate or variable where no decision depends on it: it is on the machine where the proxy runs. */
export function mayBeMissing(problem: Problem): boolean {
  const { kind } = problem
  return (kind === 'file' || kind === 'missing' || kind === 'value') && decidesNothing(problem)
}

/** A doubt about what only the machine where the proxy runs can know. */
export function isBesideThePoint(warning: Problem): boolean {
  return (warning.kind === 'doubtful' || warning.kind === 'file') && decidesNothing(warning)
}

function decidesNothing({ kind, path }: Problem): boolean {
  const [, list, inside] = /^(routes|policy)\[\d+\](?:\.([^.[]+))?/.exec(path) ?? []
  // Of a route as a whole only one thing is missing: what people would need to sign in.
  if (list !== undefined) return inside === undefined ? kind === 'missing' : carrying.has(inside.toLowerCase())
  const [key = ''] = /^[^.[]*/.exec(path) ?? []
  return key !== '' && !deciding.has(key.toLowerCase())
}

/** Like `readConfiguration`; `tolerated` names what was not there. */
export function readOffline(options: Omit<ConfigurationOptions, 'tolerate' | 'checkPolicy'>): Promise<Configuration> {
  return readConfiguration({ ...options, tolerate: mayBeMissing, checkPolicy })
}
