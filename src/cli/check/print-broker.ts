/** The broker as `ostiary check` tells of it: who can sign in there, and which applications may ask it. */
import type { BrokerSettings } from '../../config/dex/broker-settings.ts'

/** Lines for people; nothing in them is secret. */
export function printBroker(settings: BrokerSettings): string {
  const { issuer, connectors, staticClients, staticPasswords, storage } = settings
  const rows: (readonly [string, readonly string[]])[] = [
    ['connectors', connectors.map(({ id, type }) => (id === type ? id : `${id} (${type})`))],
    ['applications', staticClients.map(({ id, public: isPublic }) => (isPublic ? `${id} (public)` : id))],
  ]
  if (settings.enablePasswordDB) rows.push(['users of the file', [String(staticPasswords.length)]])
  rows.push(['keeps', [storage.type === 'sqlite3' ? storage.file : storage.type]])
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, values]) => `  ${name.padEnd(width)}  ${values.join(', ') || 'none'}`)
  return `broker ${issuer}\n${lines.join('\n')}\n`.replace(/[\u0000-\u0009\u000b-\u001f\u007f]/g, '?')
}
