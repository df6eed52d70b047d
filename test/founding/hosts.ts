/**
 * Loaded into the proxy's process with `--import`: plays the cluster's name server, so that the names of the document
 * can stay as they are. Only the operating system's resolver is replaced, by the table in HOSTS_TABLE (JSON, name to
 * address); everything above it, our own look-ups included, is untouched.
 */
import dns, { type LookupAddress, type LookupOptions } from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'

const table = new Map<string, string>(Object.entries(JSON.parse(process.env['HOSTS_TABLE'] ?? '{}')))
const { lookup: systemLookup } = dns
const { lookup: systemLookupPromise } = dns.promises

type Answer = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

function lookup(name: string, options: LookupOptions | number | Answer, answer?: Answer): void {
  const reply = typeof options === 'function' ? options : answer
  const address = table.get(name.toLowerCase())
  if (address === undefined || reply === undefined) {
    Reflect.apply(systemLookup, dns, [name, options, answer])
    return
  }
  const all = typeof options === 'object' && options.all === true
  process.nextTick(() => (all ? reply(null, [{ address, family: 4 }]) : reply(null, address, 4)))
}

async function lookupPromise(name: string, options?: LookupOptions | number): Promise<unknown> {
  const address = table.get(name.toLowerCase())
  if (address === undefined) return Reflect.apply(systemLookupPromise, dns.promises, [name, options])
  return typeof options === 'object' && options.all === true ? [{ address, family: 4 }] : { address, family: 4 }
}

Object.assign(dns, { lookup })
Object.assign(dns.promises, { lookup: lookupPromise })
syncBuiltinESMExports()
