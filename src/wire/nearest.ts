/** "Did you mean …": the known name nearest to one that is not known. */

/** Letters only, so that `allowedGroups` and `allowed-groups` are near `allowed_groups`. */
const bare = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** The nearest of `known`, or undefined where none is near enough to be meant. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = bare(name).slice(0, 64)
  let best: { name: string; distance: number } | undefined
  const limit = Math.max(1, Math.floor(wanted.length / 3))
  for (const candidate of known) {
    const other = bare(candidate)
    // No distance is less than the difference of the lengths.
    if (Math.abs(other.length - wanted.length) > limit) continue
    const distance = distanceBetween(wanted, other)
    if (best === undefined || distance < best.distance) best = { name: candidate, distance }
  }
  return best !== undefined && best.distance <= limit ? best.name : undefined
}

/** Damerau-Levenshtein distance (optimal string alignment): insert, delete, replace, swap two neighbours. */
function distanceBetween(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1
      let least = Math.min((above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (above[column - 1] ?? 0) + same)
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (row > 1 && column > 1 && swapped) least = Math.min(least, (before[column - 2] ?? 0) + 1)
      current.push(least)
    }
    before = above
    above = current
  }
  return above[b.length] ?? 0
}
