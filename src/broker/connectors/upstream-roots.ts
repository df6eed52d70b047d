/** Authorities that a connector trusts, given as Dex takes them: the path of a file, PEM text, or base64 of PEM text. */
import { ProxyError } from '../../errors/proxy-error.ts'
import type { ConnectorTools } from './connector.ts'

/**
 * PEM texts of all of them.
 * @throws ProxyError CONNECTOR_MISCONFIGURED
 */
export async function readRoots(
  roots: readonly string[],
  { id, readFile }: Pick<ConnectorTools, 'id' | 'readFile'>,
): Promise<string[]> {
  return Promise.all(
    roots.map(async (root, index) => {
      const text = inlinePem(root) ?? (await readFile(root).catch(refuse))
      return isPem(text) ? text : refuse(undefined)

      function refuse(cause: unknown): never {
        const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no certificate in it'
        // Anything but a path may be what nobody meant to write into a log.
        const path = /^\.{0,2}\/[^\n]{1,200}$/.test(root) ? ` (${JSON.stringify(root)})` : ''
        const which = `authority ${index + 1} of connector ${id}${path}`
        throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot read ${which}: ${reason}`, { cause })
      }
    }),
  )
}

function inlinePem(root: string): string | undefined {
  if (isPem(root)) return root
  const compact = root.replace(/\s/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return undefined
  const decoded = Buffer.from(compact, 'base64').toString('utf8')
  return isPem(decoded) ? decoded : undefined
}

function isPem(text: string): boolean {
  return text.includes('-----BEGIN CERTIFICATE-----')
}
