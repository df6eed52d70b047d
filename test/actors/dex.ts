/** A real Dex, when the program is there: `dex serve` with a configuration written for the test, storage in memory. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { accepts, findProgram, type Program, startProgram, temporaryFolder } from './program.ts'

export interface Dex extends AsyncDisposable {
  readonly issuer: string
  output(): string
  stop(): Promise<void>
}

export type DexConfiguration = Readonly<Record<string, unknown>> & { readonly issuer: string }

export interface DexOptions {
  /** Where it listens on 127.0.0.1, in plain HTTP. */
  readonly port: number
  /** Dex's own configuration; `storage` and `web` are laid over it. */
  readonly configuration: DexConfiguration
}

/** People for `staticPasswords`: the passwords are alice-pw and bob-pw (bcrypt, cost 10). */
export const STATIC_PASSWORDS = [
  {
    email: 'alice@corp.test',
    hash: '$2y$10$RKNzy4lSrOK00nzT9OC6puHILMbxBcaaLM3ZwiC3AmUDJFEgevqri',
    username: 'alice',
    name: 'Alice Okafor',
    userID: '1860200001',
    groups: ['devops'],
  },
  {
    email: 'bob@corp.test',
    hash: '$2y$10$yEtGTuL8R38fb6PcSDdmr.YPXaMQUCPudvObo.4wcLkNtRivDu3v6',
    username: 'bob',
    name: 'Bob Lindqvist',
    userID: '1860200002',
    groups: ['finance'],
  },
] as const

/** Starts Dex and waits until it answers. */
export async function startDex({ port, configuration }: DexOptions): Promise<Dex> {
  const host = '127.0.0.1'
  const command = findProgram('dex')
  if (!command) throw new Error('cannot start Dex: no such program')
  const folder = temporaryFolder('dex')
  const file = join(folder.path, 'dex.yaml')
  writeFileSync(file, stringify({ ...configuration, storage: { type: 'memory' }, web: { http: `${host}:${port}` } }))
  let program: Program
  try {
    program = await startProgram({
      name: 'Dex',
      command,
      args: ['serve', file],
      cwd: folder.path,
      isReady: () => accepts(host, port),
    })
  } catch (error) {
    folder[Symbol.dispose]()
    throw error
  }
  const stop = async () => {
    await program.stop()
    folder[Symbol.dispose]()
  }
  return { issuer: configuration.issuer, output: program.output, stop, [Symbol.asyncDispose]: stop }
}
