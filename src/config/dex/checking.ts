/** What the checks of a broker's configuration share: what was read so far, and how they tell. */
import { printPath } from '../problem.ts'
import type { ClientSettings } from './broker-settings.ts'
import type { ReadConnector } from './read-connectors.ts'
import type { Path } from './read-section.ts'
import type { Settling } from './settle-broker.ts'

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
