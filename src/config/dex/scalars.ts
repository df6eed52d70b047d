/** Scalars as Dex's YAML reader takes them: YAML 1.1 words for booleans, numbers that become text. */
import type { z } from 'zod'
import type { ConfigNode, ScalarNode } from '../node.ts'
import { typeNameOf } from '../setting-type.ts'

/**
 * Seen at a Dex 2.45.1: in connectors a number where text belongs is refused (`strict`), elsewhere it becomes text
 * (`converted`). In static passwords Dex refuses it as well; here it becomes text.
 */
export type Scalars = 'strict' | 'converted'

const YES = /^(?:y|Y|yes|Yes|YES|on|On|ON)$/
const NO = /^(?:n|N|no|No|NO|off|Off|OFF)$/

/** Numbers themselves, and what is read by a type of its own later. */
const numbersStay = new Set(['number', 'map', 'list of maps', 'JSON text'])

/** The value with its scalars as Dex has them after reading. What cannot be the same text (`0123`) stays a number. */
export function asDexReads(node: ConfigNode, schema: z.ZodType, scalars: Scalars): ConfigNode {
  const keepsNumbers = scalars === 'strict' || numbersStay.has(typeNameOf(schema))
  return eachScalar(node, (scalar) => {
    if (typeof scalar.value === 'string' && isPlain(scalar)) {
      if (YES.test(scalar.value)) return { ...scalar, value: true }
      if (NO.test(scalar.value)) return { ...scalar, value: false }
    }
    return !keepsNumbers && typeof scalar.value === 'number' && String(scalar.value) === scalar.written
      ? { ...scalar, value: scalar.written }
      : scalar
  })
}

/** Written without quotes: only then are `yes` and `off` more than words. */
function isPlain({ span, written }: ScalarNode): boolean {
  return span.source.text.slice(span.start, span.end) === written
}

/** Every scalar of a value changed. */
export function eachScalar(node: ConfigNode, change: (scalar: ScalarNode) => ConfigNode): ConfigNode {
  switch (node.kind) {
    case 'scalar':
      return change(node)
    case 'list':
      return { ...node, items: node.items.map((item) => eachScalar(item, change)) }
    case 'map':
      return {
        ...node,
        entries: node.entries.map((entry) => ({ ...entry, value: eachScalar(entry.value, change) })),
      }
  }
}
