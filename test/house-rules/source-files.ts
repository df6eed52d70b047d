/** The sources as the house rules see them: files, and what each imports. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface SourceFile {
  /** From the root of the repository, as in `src/wire/path.ts`. */
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
}

export interface Import {
  /** A file from the root of the repository, or the name of a package or built-in module. */
  readonly from: string
  readonly isRelative: boolean
  /** Erased before the program runs: `import type`, `export type … from`. */
  readonly isType: boolean
}

/** All files that match `pattern` (from the root), read once. */
export function sourceFiles(pattern: string): SourceFile[] {
  return globSync(pattern, { cwd: root })
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      return { path, text, imports: importsOf(text, path) }
    })
}

const statement =
  /^[ \t]*(?:import|export)\b(?<what>[^'"`;]*?)\bfrom\s*['"](?<from>[^'"]+)['"]|^[ \t]*import\s*['"](?<bare>[^'"]+)['"]|\bimport\(\s*['"](?<dynamic>[^'"]+)['"]\s*\)/gm

/**
 * Every module that `text` names. `import { type A }` counts as a value: Node's type stripping leaves the import of the
 * module behind, with nothing in its braces. A dynamic import in the place of a type (`import('x').Y`) counts as one of
 * a value, too, so use `import type`.
 */
export function importsOf(text: string, path: string): Import[] {
  return [...withoutComments(text).matchAll(statement)].map(({ groups = {} }) => {
    const name = groups['from'] ?? groups['bare'] ?? groups['dynamic'] ?? ''
    const isRelative = name.startsWith('.') || name.startsWith('#src/')
    const from = name.startsWith('#src/') ? name.slice(1) : isRelative ? normalize(join(dirname(path), name)) : name
    return {
      from,
      isRelative,
      isType: /^\s*type\s+[\w*{]/.test(groups['what'] ?? '') && !/^\s*type\s*,/.test(groups['what'] ?? ''),
    }
  })
}

/** Comments become blanks; what only looks like one inside of a text is left, as far as a line tells. */
export function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}
