/** Commands run in memory: files by name, what they print as one text, and their exit code. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Io } from '#src/cli/io.ts'

export interface Desk {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readFile(path: string): Promise<string>
}

/** A working directory /desk with these files; the product's own files can be read as well. */
export function deskWith(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}): Desk {
  const texts = new Map(Object.entries(files).map(([name, text]) => [resolve('/desk', name), text]))
  return {
    cwd: '/desk',
    env,
    readFile: async (path) => texts.get(path) ?? (await readFile(path, 'utf8')),
  }
}

/** What a command printed, both outputs in the order of printing, and its exit code in the last line. */
export async function transcript(command: (io: Io) => Promise<number>, colours = false): Promise<string> {
  let text = ''
  const print = (more: string) => {
    text += more
  }
  const code = await command({ out: print, err: print, colours })
  return `${text}exit ${code}\n`
}
