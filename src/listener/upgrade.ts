/** Which requests are WebSocket handshakes (RFC 6455 §4.1), by the exact letter: everything else stays HTTP. */

/**
 * `none`: an ordinary request, whatever its Upgrade field says (RFC 9110 §7.8 lets a server ignore it).
 * `broken`: it asks for `websocket` and `Connection: upgrade`, and is no valid handshake.
 */
export type Handshake = 'none' | 'valid' | 'broken'

/** Reads a flat list of fields with names in any spelling. Only HTTP/1.1 knows this handshake. */
export function handshakeOf(request: {
  readonly method: string
  readonly version: string
  readonly rawHeaders: readonly string[]
}): Handshake {
  const fields = new Map<string, string>()
  let repeats = false
  const { rawHeaders } = request
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    if (!relevant.has(name)) continue
    const before = fields.get(name)
    const value = rawHeaders[at + 1] ?? ''
    if (before === undefined) fields.set(name, value)
    else if (name === 'connection') fields.set(name, `${before},${value}`)
    else repeats = true
  }
  if (fields.get('upgrade')?.toLowerCase() !== 'websocket') return 'none'
  const options = (fields.get('connection') ?? '').toLowerCase().split(',')
  if (!options.some((option) => option.trim() === 'upgrade')) return 'none'
  const isValid =
    !repeats &&
    request.method === 'GET' &&
    request.version === '1.1' &&
    keySyntax.test(fields.get('sec-websocket-key') ?? '') &&
    fields.get('sec-websocket-version') === '13' &&
    !fields.has('transfer-encoding') &&
    !fields.has('expect') &&
    (fields.get('content-length') ?? '0') === '0'
  return isValid ? 'valid' : 'broken'
}

const relevant: ReadonlySet<string> = new Set([
  'upgrade',
  'connection',
  'sec-websocket-key',
  'sec-websocket-version',
  'content-length',
  'transfer-encoding',
  'expect',
])

/** 16 octets in base64; the last digit before `==` carries two bits only. */
const keySyntax = /^[A-Za-z0-9+/]{21}[AQgw]==$/
