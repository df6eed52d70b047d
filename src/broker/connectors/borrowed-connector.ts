/** What signing in needs of the connectors that are open; the book of connectors offers it. */
import type { RenameGroups } from '../group-rules.ts'
import type { Connector } from './connector.ts'

export interface ConnectorLabel {
  readonly id: string
  readonly name: string
  readonly type: string
  /** Grants it may be used for; empty: all. */
  readonly grantTypes: readonly string[]
}

/** In use until it is disposed of: a connector that is replaced meanwhile is closed after that. */
export interface BorrowedConnector extends ConnectorLabel, Disposable {
  readonly connector: Connector
  readonly renameGroups: RenameGroups
}

export interface OpenConnectors {
  /** In the order of the chooser. */
  list(): readonly ConnectorLabel[]
  /** Undefined: there is none of that id. @throws CONNECTOR_MISCONFIGURED where it cannot be opened */
  borrow(id: string): Promise<BorrowedConnector | undefined>
}
