/** What the checks of a broker's configuration share: what was read so far, and how they tell. */
import type { Environment } from '../environment.ts'
import type { MapNode } from '../node.ts'
import { printPath } from '../problem.ts'
import type { FileReading } from './broker-files.ts'
import type { ClientSettings } from './broker-settings.ts'
import type { ReadConnector } from './read-connectors.ts'
import type { Path } from './read-section.ts'

export interface Settling extends FileReading {
  readonly environment: Environment
  readonly cwd: string
  readonly lenient: boolean
  /** Where the configuration stands in its file. */
  readonly path: Path
  readonly tidy: MapNode
}

export interface Checking extends Settling {
  readonly connectors: readonly ReadConnector[]
  readonly clients: readonly ClientSettings[]
}

type Kind = 'value' | 'contradiction' | 'missing' | 'unsupported' | 'doubtful' | 'ignored'

export interface Told {
  readonly kind: Kind
  readonly message: string
  readonly hint?: string | undefined
}

export function error(path: Path, told: Told, { findings, at, path: root }: Checking): void {
  findings.error({ ...told, path: printPath([...root, ...path]), span: at(path) })
}

export function warn(path: Path, told: Told, { findings, at, path: root }: Checking): void {
  findings.warn({ ...told, path: printPath([...root, ...path]), span: at(path) })
}
