/** Equality of values as JSON and YAML write them: by type and content; 3 is 3.0, but not "3". */

/** Compares without recursion into anything but lists and plain maps; `depth` bounds what a hostile claim can cost. */
export function sameValue(a: unknown, b: unknown, depth = 32): boolean {
  if (a === b) return true
  // Large whole numbers may have been read exactly on one side and as floating point on the other.
  if (typeof a === 'bigint' || typeof b === 'bigint') return isNumeric(a) && isNumeric(b) && Number(a) === Number(b)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || depth === 0) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    return a.every((item, index) => sameValue(item, b[index], depth - 1))
  }
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  const left = new Map(Object.entries(a))
  const right = new Map(Object.entries(b))
  return keys.every((key) => right.has(key) && sameValue(left.get(key), right.get(key), depth - 1))
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}
