/** `groups` of a connector or a client: what is done to names of groups. Only here, Dex has nothing like it. */
import { RE2JS } from 're2js'
import { settingType } from '../setting-type.ts'
import { goSection, goText, goTextMap } from './go-types.ts'

/** Names of groups, changed for one connector or one client: first `allow`, then `map`, then `prefix`. */
export interface GroupRules {
  /** RE2 patterns, one of which has to match the whole name; empty: all pass. */
  readonly allow: readonly string[]
  /** Old name to new name; others stay as they are. */
  readonly map: Readonly<Record<string, string>>
  readonly prefix: string
}

const patterns = () =>
  settingType('list of RE2 patterns', (raw, fail): readonly string[] => {
    if (!Array.isArray(raw)) fail('a list of RE2 patterns')
    return (Array.isArray(raw) ? raw : []).map((item: unknown, index) => {
      if (typeof item !== 'string') fail('text', { path: [index], hint: 'write it in quotes' })
      try {
        RE2JS.compile(String(item))
      } catch {
        fail('an RE2 pattern', { path: [index], hint: 'RE2 has no look-around and no back-references' })
      }
      return String(item)
    })
  })

export const groupRules = () =>
  goSection({
    allow: patterns().prefault([]).meta({
      doc: 'Only groups whose whole name one of these patterns matches go on; empty: all of them.',
    }),
    map: goTextMap().prefault({}).meta({ doc: 'Old name to new name; groups that are not named keep theirs.' }),
    prefix: goText().prefault('').meta({
      doc: 'Put before every name, so that no source can pass a group of its own for one of another.',
    }),
  })
