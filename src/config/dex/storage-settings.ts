/** `storage` to where things are kept: by type, with the default of ours. */
import { dirname, join, resolve } from 'node:path'
import { milliseconds } from '../../wire/units.ts'
import type { Environment } from '../environment.ts'
import { type ConfigNode, describe, type Span, valueAt } from '../node.ts'
import { type Findings, printPath } from '../problem.ts'
import { type FileReading, readAuthorities, readPair } from './broker-files.ts'
import { postgresSection, refusedStorages, sqliteSection, storageTypes } from './broker-sections.ts'
import type { StorageSettings } from './broker-settings.ts'
import { expandVariables } from './expand-variables.ts'
import { type Path, readSection } from './read-section.ts'

interface StorageReading extends FileReading {
  readonly lenient: boolean
  /** What variables stand for; undefined where none are put in. */
  readonly environment: Environment | undefined
  readonly cwd: string
  /** The whole configuration, for what it does not say. */
  readonly whole: Span
}

/** Name of the SQLite file where none is given: beside the configuration. */
export const defaultDatabase = 'ostiary-broker.sqlite3'

/** The settings of the checked map `storage` (undefined: there is none); undefined after a problem. */
export async function storageSettings(
  node: ConfigNode | undefined,
  reading: StorageReading,
): Promise<StorageSettings | undefined> {
  const { findings, lenient, environment } = reading
  if (node === undefined) return defaultStorage(reading)
  const type = typeOf(node, reading)
  const inner = ['storage', 'config']
  const path = [...reading.path, ...inner]
  const given = valueAt(node, 'config') ?? ({ kind: 'map', entries: [], span: node.span } as const)
  const config = environment === undefined ? given : expandVariables(given, { environment, findings, path })
  const section = { path, findings, lenient, scalars: 'converted' } as const
  switch (type) {
    case undefined:
      return undefined
    case 'memory':
      return { type }
    case 'sqlite3': {
      const { value } = readSection(sqliteSection, config, section)
      if (value === undefined) return undefined
      if (value.file === ':memory:') return { type: 'memory' }
      if (value.file.trim() !== '') return { type, file: resolve(reading.cwd, value.file) }
      const span = valueAt(config, 'file')?.span ?? config.span
      findings.error({ kind: 'missing', path: printPath([...path, 'file']), message: '"file" is empty', span })
      return undefined
    }
    case 'postgres': {
      const { value } = readSection(postgresSection, config, section)
      if (value === undefined) return undefined
      const named = (key: 'caFile' | 'certFile' | 'keyFile') => ({ file: value.ssl[key], path: [...inner, 'ssl', key] })
      const ca = await readAuthorities(named('caFile'), reading)
      const pair = await readPair({ cert: named('certFile'), key: named('keyFile') }, reading)
      if (value.ssl.mode === 'disable' || value.ssl.mode === 'require')
        warnOfMode(value.ssl.mode, { findings, config, path })
      const { ssl, connectionTimeout, maxOpenConns, port, ...rest } = value
      return {
        ...rest,
        type,
        port: port || 5432,
        connectionTimeout: milliseconds((connectionTimeout || 10) * 1000),
        maxOpenConns: maxOpenConns || 5,
        password: value.password,
        ssl: { mode: ssl.mode, ca, cert: pair?.cert, key: pair?.key },
      }
    }
  }
}

function defaultStorage({ findings, whole, cwd, beside, path }: StorageReading): StorageSettings {
  const file = join(beside === undefined ? cwd : dirname(resolve(cwd, beside)), defaultDatabase)
  findings.warn({
    kind: 'doubtful',
    path: printPath([...path, 'storage']),
    message: `there is no storage: sessions, tokens and keys are kept in ${JSON.stringify(file)}`,
    hint: 'write storage: {type: sqlite3, config: {file: PATH}}; {type: memory} forgets everything at the end',
    span: whole,
  })
  return { type: 'sqlite3', file }
}

function typeOf(node: ConfigNode, { findings, path }: StorageReading): (typeof storageTypes)[number] | undefined {
  const value = valueAt(node, 'type')
  // A missing one was reported with the map.
  if (value?.kind !== 'scalar' || typeof value.value !== 'string') return undefined
  const known = storageTypes.find((type) => type === value.value)
  if (known !== undefined) return known
  const at = { path: printPath([...path, 'storage', 'type']), span: value.span }
  const reason = Object.hasOwn(refusedStorages, value.value) ? refusedStorages[value.value] : undefined
  if (reason === undefined)
    findings.error({
      ...at,
      kind: 'value',
      message: `expected one of ${storageTypes.join(', ')}, got ${describe(value)}`,
    })
  else
    findings.error({
      ...at,
      kind: 'unsupported',
      message: `the storage "${value.value}" is not supported`,
      hint: reason,
    })
  return undefined
}

interface Mode {
  readonly findings: Findings
  readonly config: ConfigNode
  readonly path: Path
}

function warnOfMode(mode: 'disable' | 'require', { findings, config, path }: Mode): void {
  const host = valueAt(config, 'host')
  if (host?.kind === 'scalar' && /^(?:\/|localhost$|127\.|::1$)/.test(host.written)) return
  findings.warn({
    kind: 'doubtful',
    path: printPath([...path, 'ssl', 'mode']),
    message: `ssl mode "${mode}": ${mode === 'disable' ? 'everything travels in clear' : 'whoever stands between can pose as the database'}`,
    hint: 'use verify-full, which is the default',
    span: valueAt(config, 'ssl', 'mode')?.span ?? config.span,
  })
}
