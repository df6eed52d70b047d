/** Scalars as Dex's YAML reader takes them: YAML 1.1 words for booleans, numbers and booleans that become text. */
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

/** What is no text: numbers and booleans themselves, and what is read by a type of its own later. */
const noTexts = new Set(['number', 'true or false', 'map', 'list of maps', 'JSON text'])

/** The value with its scalars as Dex has them after reading. What would not be the same text (`0123`) is none. */
export function asDexReads(node: ConfigNode, schema: z.ZodType, scalars: Scalars): ConfigNode {
  const isText = scalars === 'converted' && !noTexts.has(typeNameOf(schema))
  return eachScalar(node, (scalar) => {
    const value = inGo(scalar)
    const staysSame = typeof value === 'boolean' ? scalar.written === String(value) : isSameInGo(scalar.written)
    if (isText && typeof value !== 'string' && value !== null && staysSame) return { ...scalar, value: scalar.written }
    return value === scalar.value ? scalar : { ...scalar, value }
  })
}

function inGo(scalar: ScalarNode): ScalarNode['value'] {
  const { value, written } = scalar
  if (typeof value !== 'string' || !isPlain(scalar)) return value
  if (YES.test(written)) return true
  if (NO.test(written)) return false
  return numberOfGo(written) ?? value
}

/** `1_000` and `0b11`, which are text in YAML 1.2 and numbers in 1.1 with Go's additions; undefined for all else. */
function numberOfGo(written: string): number | undefined {
  if (!/^[-+.\d]/.test(written)) return undefined
  const [, sign, digits = ''] = /^([-+]?)(.*)$/.exec(written.replaceAll('_', '')) ?? []
  const isNumber = /^0b[01]+$|^0o[0-7]+$|^0[xX][\dA-Fa-f]+$|^(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(digits)
  return isNumber ? Number(digits) * (sign === '-' ? -1 : 1) : undefined
}

/** Whether the number would be written the same by Go: integers of 64 bits, fractions as 32 bits have them. */
function isSameInGo(written: string): boolean {
  if (/^(?:0|-?[1-9]\d{0,19})$/.test(written)) {
    const value = BigInt(written)
    return value >= -(2n ** 63n) && value < 2n ** 64n
  }
  return (
    /^-?\d+\.\d*[1-9]$/.test(written) && String(Number(written)) === written && written.replace(/^-?0*/, '').length < 8
  )
}

/** Written without quotes and without a tag (`!!str yes`): only then are `yes` and `off` more than words. */
function isPlain({ span: { source, start, end }, written }: ScalarNode): boolean {
  const before = source.text.slice(Math.max(0, start - 50), start)
  return source.text.slice(start, end) === written && !/(?:^|[\s,[{:])!\S*\s+$/.test(before)
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
