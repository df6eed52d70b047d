/** What an update would change, a line a setting; secrets are compared, and shown masked. */
import type { ConnectorRecord } from '../../broker/management/management.ts'
import { isSecretKey, MASK, withoutSecretsOf } from '../../broker/management/secret-keys.ts'
import type { JsonValue } from '../../broker/store/store.ts'
import { oneLine, type Paint } from '../text.ts'

interface Leaf {
  readonly text: string
  readonly isSecret: boolean
}

/** `before` undefined: it is new. */
export function differenceText(
  before: ConnectorRecord | undefined,
  after: ConnectorRecord,
  { paint, showSecrets }: { readonly paint: Paint; readonly showSecrets: boolean },
): string {
  const [old, next] = [before ? leavesOf(before) : new Map<string, Leaf>(), leavesOf(after)]
  const shown = ({ text, isSecret }: Leaf) => (isSecret && !showSecrets ? MASK : oneLine(text))
  const lines: string[] = []
  for (const path of new Set([...old.keys(), ...next.keys()])) {
    const [was, is] = [old.get(path), next.get(path)]
    if (was?.text === is?.text) continue
    const name = oneLine(path)
    if (!was && is) lines.push(paint.good(`+ ${name}: ${shown(is)}`))
    else if (was && !is) lines.push(paint.bad(`- ${name}: ${shown(was)}`))
    else if (was && is) lines.push(changed(name, shown(was), shown(is)))
  }
  if (lines.length === 0) return '  no difference\n'
  return lines.map((line) => `  ${line}\n`).join('')
}

function changed(name: string, was: string, is: string): string {
  return was === is ? `~ ${name}: ${is} (another one)` : `~ ${name}: ${was} -> ${is}`
}

function leavesOf({ type, name, config, groups, grantTypes }: ConnectorRecord): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>()
  const walk = (value: JsonValue | undefined, { path, isSecret }: { path: string; isSecret: boolean }): void => {
    if (value === undefined) return
    if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
      const text = JSON.stringify(value)
      leaves.set(path, { text: isSecret ? text : withoutSecretsOf({}, text), isSecret })
      return
    }
    for (const [key, inner] of Object.entries(value)) {
      const inside = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`
      walk(inner, { path: inside, isSecret: isSecret || isSecretKey(key) })
    }
  }
  // None and an empty list of grants are the same: all of them.
  const grants = grantTypes?.length ? grantTypes : undefined
  for (const [path, value] of Object.entries({ type, name, config, groups, grantTypes: grants }))
    walk(value as JsonValue | undefined, { path, isSecret: false })
  return leaves
}
