/** Reads vector files (one JSON document a line) and the lists of intended differences. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** The lines of test/vectors/`name`. */
export function readVectors<T>(name: string): readonly T[] {
  const text = readFileSync(new URL(name, import.meta.url), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): T => JSON.parse(line))
}

export interface Difference {
  readonly ids: readonly string[]
  /** What Ostiary does. */
  readonly what: string
  readonly reason: string
}

/** test/vectors/differences/`station`.yaml. */
export function readDifferences(station: string): readonly Difference[] {
  return parse(readFileSync(new URL(`differences/${station}.yaml`, import.meta.url), 'utf8'))
}

/** The ids of all intended differences of a station. */
export function differingIds(station: string): ReadonlySet<string> {
  return new Set(readDifferences(station).flatMap(({ ids }) => ids))
}
