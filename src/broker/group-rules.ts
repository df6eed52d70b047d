/** What a connector's or a client's rules make of names of groups: first `allow`, then `map`, then `prefix`. */
import { RE2JS } from 're2js'
import type { GroupRules } from '../config/dex/group-rules.ts'

export type RenameGroups = (groups: readonly string[]) => readonly string[]

/** More than this many groups make no token that anybody accepts. */
const maximumGroups = 5_000
/** RE2 runs in linear time, and yet nobody's group is this long. */
const longestGroup = 1_024

/** Compiles rules once. Names that come out equal stand once. @throws where a pattern of `allow` is no RE2 */
export function compileGroupRules(rules: GroupRules | undefined): RenameGroups {
  if (!rules) return (groups) => groups
  const patterns = rules.allow.map((pattern) => RE2JS.compile(pattern))
  const names = new Map(Object.entries(rules.map))
  return (groups) => {
    const passed = groups
      .slice(0, maximumGroups)
      .filter((group) => group.length <= longestGroup)
      .filter((group) => patterns.length === 0 || patterns.some((pattern) => pattern.matches(group)))
    return [...new Set(passed.map((group) => rules.prefix + (names.get(group) ?? group)))]
  }
}
