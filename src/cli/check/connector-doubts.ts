/** Connectors of a configuration whose settings do not go together: each is opened, as the broker does, and nobody is asked. */
import type { BrokerSettings } from '../../config/dex/broker-settings.ts'
import type { Problem } from '../../config/problem.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import { readSourceFile } from '../broker/read-source-file.ts'

/** Warnings: at run time such a connector keeps nobody out of the others. What `known` tells already is told once. */
export async function connectorDoubts(
  { issuer, connectors }: BrokerSettings,
  known: readonly Problem[],
): Promise<readonly Problem[]> {
  const doubts: Problem[] = []
  for (const settings of connectors) {
    const { source } = settings
    const isTold = known.some(
      ({ kind, path }) => kind === 'file' && source !== undefined && path.startsWith(source.path),
    )
    if (source === undefined || isTold) continue
    // Only here: whoever has no connectors does without all that they are made of.
    const { openDeclaredConnector } = await import('../../broker/connectors/open-connector.ts')
    const tools = { id: settings.id, callbackUrl: `${issuer.replace(/\/$/, '')}/callback`, now: Date.now }
    try {
      const connector = await openDeclaredConnector(settings, { ...tools, readFile: readSourceFile, warn: () => {} })
      await connector.close()
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
      doubts.push({
        ...source.place,
        severity: 'warning',
        kind: 'doubtful',
        path: source.path,
        message: error.message,
        ...{ expected: undefined, found: undefined, excerpt: undefined },
        hint: 'until then nobody can sign in by this connector',
      })
    }
  }
  return doubts
}
