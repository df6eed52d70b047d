/** The values of Dex's Helm charts: `config` is the configuration, the rest is for Kubernetes. */
import { nearest } from '../../wire/nearest.ts'
import type { Environment } from '../environment.ts'
import { maskSecrets } from '../masks.ts'
import { type ConfigNode, isBlank, isNull, type MapNode, saysTrue, valueAt, writtenText } from '../node.ts'
import type { Findings } from '../problem.ts'
import { brokerShape } from './broker-sections.ts'

const names = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))

/** Values of the chart of today and of the one before it that say nothing to us. */
const kubernetes = names(
  'global replicaCount replicas commonLabels image imagePullSecrets namespaceOverride nameOverride fullnameOverride hostAliases https grpc web telemetry certs configSecret volumes volumeMounts extraVolumes extraVolumeMounts serviceAccount rbac crd inMiniKube deploymentAnnotations deploymentLabels podAnnotations podLabels podDisruptionBudget podSecurityContext priorityClassName revisionHistoryLimit securityContext service ports ingress gateway httpRoute serviceMonitor resources autoscaling initContainers extraContainers nodeSelector tolerations affinity topologySpreadConstraints strategy networkPolicy livenessProbe readinessProbe startupProbe dnsPolicy dnsConfig extraObjects frontend env envVars envFrom extraEnv',
)

/** True for a map whose `config` is one of Dex's configurations, and that is none itself. */
export function isChartValues(node: MapNode): boolean {
  const inner = valueAt(node, 'config')
  const keys = (map: MapNode) => map.entries.map(({ key }) => key.toLowerCase())
  const marks = ['issuer', 'connectors', 'staticclients', 'storage', 'enablepassworddb']
  return (
    inner?.kind === 'map' &&
    keys(inner).some((key) => marks.includes(key)) &&
    !keys(node).some((key) => ['issuer', 'connectors', 'staticclients'].includes(key))
  )
}

/** What people hand in instead, and where the configuration is; undefined where it may be one. */
export function otherShape(
  node: MapNode,
): { readonly key: string; readonly is: string; readonly hint: string } | undefined {
  const has = (map: ConfigNode, name: string) =>
    map.kind === 'map' && map.entries.some(({ key }) => key.toLowerCase() === name)
  const [first] = node.entries
  if (first === undefined || has(node, 'issuer')) return undefined
  const manifest = node.entries.find(({ key }) => key === 'kind')
  if (manifest !== undefined && has(node, 'apiversion'))
    return {
      key: manifest.key,
      is: 'an object of Kubernetes',
      hint: 'write the text of its config.yaml (below data, in base64 in a Secret, or below stringData) to a file, and give that',
    }
  if (
    node.entries.every(({ key }) => key === 'config' || kubernetes.has(key)) &&
    node.entries.some(({ key }) => !Object.hasOwn(brokerShape, key))
  )
    return {
      key: first.key,
      is: "values of Dex's chart without a configuration below config",
      hint: "it lies in the Secret that configSecret names: kubectl get secret NAME -o jsonpath='{.data.config\\.yaml}' | base64 -d > dex.yaml, and give that",
    }
  const inner = node.entries.find(({ value }) => value.kind === 'map' && (has(value, 'issuer') || isChartValues(value)))
  if (inner === undefined) return undefined
  return {
    key: inner.key,
    is: 'a map with the configuration further inside',
    hint: `give what stands below "${inner.key}", as a file of its own`,
  }
}

export interface Chart {
  readonly document: MapNode
  /** Variables that the values set for the process. */
  readonly variables: Environment
}

export function readChartValues(values: MapNode, findings: Findings): Chart {
  for (const { key, keySpan: span, value } of values.entries) {
    if (key === 'config' || kubernetes.has(key) || key.startsWith('x-')) continue
    maskSecrets(value, true)
    const near = nearest(key, [...kubernetes, 'config'])
    const belongs = Object.hasOwn(brokerShape, key)
      ? `the chart has no such value; "${key}" belongs below config`
      : undefined
    const message = belongs ?? `the chart has no such value${near === undefined ? '' : `, did you mean "${near}"?`}`
    findings.error({ kind: 'unknown-key', path: key, message, span })
  }
  const create = valueAt(values, 'configSecret', 'create')
  for (const [path, node] of [
    ['configSecret.create', saysTrue(create) ? undefined : create],
    ['envFrom', valueAt(values, 'envFrom')],
  ] as const) {
    if (node === undefined || (path === 'envFrom' && isBlank(node))) continue
    findings.warn({
      kind: 'ignored',
      path,
      message: `"${path}" is ignored: it names something in Kubernetes, which cannot be read from here`,
      span: node.span,
    })
  }
  const document = valueAt(values, 'config')
  return { document: document?.kind === 'map' ? document : values, variables: variablesOf(values) }
}

/** `env` is a map; `envVars` (and `env` of old) lists of {name, value}. */
function variablesOf(values: MapNode): Environment {
  const pairs = ['env', 'envVars', 'extraEnv'].flatMap((key) => {
    const node = valueAt(values, key)
    if (node?.kind === 'map') return node.entries.map(({ key: name, value }) => [name, value] as const)
    if (node?.kind !== 'list') return []
    return node.items.map((item) => [writtenText(valueAt(item, 'name')) ?? '', valueAt(item, 'value')] as const)
  })
  return Object.fromEntries(
    pairs.flatMap(([name, value]) =>
      name === '' || value === undefined || isNull(value) || value.kind !== 'scalar' ? [] : [[name, value.written]],
    ),
  )
}
