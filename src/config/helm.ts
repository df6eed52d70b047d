/** The values of Pomerium's Helm chart, read directly: each value becomes the setting that the chart would have made of it. */

import { nearest } from '../wire/nearest.ts'
import { type Environment, isSettingName, overlay, type Variable, variableNames } from './environment.ts'
import { chartKeys, ignoredValues, removedValues, secretsElsewhere } from './helm-keys.ts'
import { resolveTemplates } from './helm-templates.ts'
import { maskSecrets } from './masks.ts'
import {
  type ConfigNode,
  type Entry,
  isBlank,
  type MapNode,
  type Span,
  saysTrue,
  scalar,
  valueAt,
  writtenText,
} from './node.ts'
import type { Findings } from './problem.ts'
import { readYamlInside } from './yaml-inside.ts'

/** True for a document of the chart's shape. No plain configuration has a map under `config` or `authenticate`. */
export function isHelmValues(node: MapNode): boolean {
  return ['config', 'authenticate'].some((key) =>
    node.entries.some((entry) => entry.key === key && entry.value.kind === 'map'),
  )
}

export interface Translated {
  /** Plain settings. Every place is that of the value it came from. */
  readonly document: MapNode
  /** `extraEnv`, for references. */
  readonly variables: Environment
}

/** Merge order as in the chart: defaults, the values, `extraOpts`, `extraEnv`. */
export function translateHelmValues(raw: MapNode, findings: Findings): Translated {
  const values = resolveTemplates(raw, findings)
  reportKeys(values, findings)
  const settings = new Settings(values, findings)
  serve(settings)
  signIn(settings)
  operate(settings)
  routes(settings)
  const extra = valueAt(values, 'config', 'extraOpts')
  const own = settings.entries.filter(({ key }) => !hasKey(extra, key))
  const document: MapNode = {
    kind: 'map',
    entries: [...own, ...(extra?.kind === 'map' ? extra.entries : [])],
    span: values.span,
  }
  const variables = extraVariables(values, findings)
  checkRedirect(values, document, findings)
  return {
    document: overlay(
      document,
      variables.filter(({ name }) => isSettingName(name)),
      findings,
    ),
    variables: Object.fromEntries(variables.map(({ name, text }) => [name, text])),
  }
}

function hasKey(node: ConfigNode | undefined, key: string): boolean {
  return node?.kind === 'map' && node.entries.some((entry) => entry.key.toLowerCase() === key)
}

/** Collects the settings that the values stand for. */
class Settings {
  readonly entries: Entry[] = []
  readonly values: MapNode
  readonly findings: Findings

  constructor(values: MapNode, findings: Findings) {
    this.values = values
    this.findings = findings
  }

  at(...path: readonly string[]): ConfigNode | undefined {
    return valueAt(this.values, ...path)
  }

  text(...path: readonly string[]): string {
    return writtenText(this.at(...path)) ?? ''
  }

  set(key: string, value: ConfigNode): void {
    this.entries.push({ key, keySpan: value.span, value })
  }

  /** Sets a text that was worked out from a value, standing where that value stands. */
  setText(key: string, text: string, span: Span): void {
    this.set(key, scalar(text, span))
  }

  /** Hands a value through unless it is blank; the chart's placeholder counts as blank, with a warning. */
  pass(key: string, ...path: readonly string[]): void {
    const value = this.at(...path)
    if (value === undefined || isBlank(value)) return
    if (writtenText(value) === 'REPLACE_ME') {
      this.findings.warn({
        kind: 'doubtful',
        path: path.join('.'),
        message: 'still REPLACE_ME, which counts as not set',
        span: value.span,
      })
    } else this.set(key, value)
  }
}

/** Addresses. The chart serves on 443, or without TLS on 80. */
function serve(settings: Settings): void {
  const insecure = settings.at('config', 'insecure')
  if (insecure !== undefined && saysTrue(insecure)) {
    settings.set('insecure_server', insecure)
    settings.setText('address', ':80', insecure.span)
    return
  }
  const redirect = settings.at('proxy', 'redirectServer')
  if (redirect === undefined || saysTrue(redirect))
    settings.setText('http_redirect_addr', ':80', redirect?.span ?? settings.values.span)
}

function signIn(settings: Settings): void {
  const root = settings.at('config', 'rootDomain')
  const given = settings.at('proxy', 'authenticateServiceUrl')
  const name = settings.text('authenticate', 'name') || 'authenticate'
  if (given !== undefined && !isBlank(given)) settings.set('authenticate_service_url', given)
  else if (root !== undefined && !isBlank(root))
    settings.setText('authenticate_service_url', `https://${name}.${writtenText(root) ?? ''}`, root.span)
  const idp = settings.at('authenticate', 'idp')
  if (idp !== undefined && settings.at('authenticate', 'idp', 'provider') === undefined)
    settings.setText('idp_provider', 'google', idp.span)
  settings.pass('idp_provider', 'authenticate', 'idp', 'provider')
  settings.pass('idp_client_id', 'authenticate', 'idp', 'clientID')
  settings.pass('idp_client_secret', 'authenticate', 'idp', 'clientSecret')
  settings.pass('idp_provider_url', 'authenticate', 'idp', 'url')
  settings.pass('idp_scopes', 'authenticate', 'idp', 'scopes')
  settings.pass('shared_secret', 'config', 'sharedSecret')
  settings.pass('cookie_secret', 'config', 'cookieSecret')
  settings.pass('signing_key', 'config', 'signingKey')
}

function operate(settings: Settings): void {
  settings.pass('databroker_storage_type', 'databroker', 'storage', 'type')
  settings.pass('databroker_storage_connection_string', 'databroker', 'storage', 'connectionString')
  settings.pass('administrators', 'config', 'administrators')
  settings.pass('broker', 'broker')
  const metrics = settings.at('metrics', 'enabled')
  if (metrics !== undefined && saysTrue(metrics))
    settings.setText('metrics_address', `:${settings.text('metrics', 'port') || '9090'}`, metrics.span)
  for (const name of ['ingressController', 'apiProxy']) {
    const enabled = settings.at(name, 'enabled')
    if (!saysTrue(enabled) || enabled === undefined) continue
    settings.findings.error({
      kind: 'unsupported',
      path: `${name}.enabled`,
      message: `"${name}" is not supported yet`,
      hint: 'write the routes into config.routes',
      span: enabled.span,
    })
  }
}

/** `config.routes` and the older `config.policy`: a list, or the text of one. */
function routes(settings: Settings): void {
  for (const key of ['policy', 'routes']) {
    const value = settings.at('config', key)
    if (value === undefined || isBlank(value)) continue
    const list = value.kind === 'scalar' ? readYamlInside(value, settings.findings) : value
    if (list !== undefined) settings.set(key, list)
  }
}

/** `extraEnv` of the chart and of each of its services; a map, or a list of {name, value}. */
function extraVariables(values: MapNode, findings: Findings): Variable[] {
  const paths = [
    ['extraEnv'],
    ...['authenticate', 'authorize', 'databroker', 'proxy'].map((name) => [name, 'deployment', 'extraEnv']),
  ]
  return paths.flatMap((path) => {
    const node = valueAt(values, ...path)
    const pairs =
      node?.kind === 'map'
        ? node.entries.map(({ key, value }) => ({ name: key, value }))
        : node?.kind === 'list'
          ? node.items.map((item) => ({
              name: writtenText(valueAt(item, 'name')) ?? '',
              value: valueAt(item, 'value'),
            }))
          : []
    return pairs.flatMap(({ name, value }): Variable[] => {
      const text = writtenText(value)
      if (value === undefined || text === undefined) return []
      const near = isSettingName(name) ? undefined : nearest(name, variableNames)
      if (near !== undefined && !/^(PATH|HOME|TZ|LANG)$/.test(name)) {
        findings.warn({
          kind: 'unknown-key',
          path: [...path, name].join('.'),
          message: `a variable that sets nothing, did you mean "${near}"?`,
          span: value.span,
        })
      }
      return [{ name, text, span: value.span }]
    })
  })
}

/** `authenticate.redirectUrl` was never used by the chart, but says what the provider knows. */
function checkRedirect(values: MapNode, document: MapNode, findings: Findings): void {
  const redirect = valueAt(values, 'authenticate', 'redirectUrl')
  const service = document.entries.findLast(({ key }) => key === 'authenticate_service_url')
  const text = writtenText(redirect) ?? ''
  const base = writtenText(service?.value) ?? ''
  if (redirect === undefined || text === '' || !URL.canParse(base)) return
  const expected = `${new URL(base).origin}/oauth2/callback`
  if (URL.canParse(text) && new URL(text).href === expected) return
  findings.warn({
    kind: 'doubtful',
    path: 'authenticate.redirectUrl',
    message: `the provider will be given ${expected}`,
    hint: 'register that address there, or correct config.rootDomain',
    span: redirect.span,
  })
}

function reportKeys(values: MapNode, findings: Findings): void {
  for (const { path, why } of [...secretsElsewhere, ...removedValues]) {
    const value = valueAt(values, ...path.split('.'))
    if (!isBlank(value) && value !== undefined)
      findings.warn({
        kind: 'ignored',
        path,
        message: `"${path.split('.').at(-1)}" is ignored: ${why}`,
        span: value.span,
      })
  }
  reportUnknown(values, '', findings)
}

/** Keys that the chart does not know, where it has a fixed set of them. */
function reportUnknown(node: MapNode, prefix: string, findings: Findings): void {
  const known = chartKeys.get(prefix)
  if (known === undefined) return
  for (const { key, keySpan: span, value } of node.entries) {
    const path = prefix === '' ? key : `${prefix}.${key}`
    if (known.has(key) || (prefix === '' && (ignoredValues.has(key) || key.startsWith('x-')))) {
      if (value.kind === 'map') reportUnknown(value, path, findings)
      continue
    }
    maskSecrets(value, true)
    const near = nearest(key, known)
    const message =
      near === undefined ? 'the chart has no such value' : `the chart has no such value, did you mean "${near}"?`
    findings.error({ kind: 'unknown-key', path, message, span })
  }
}
