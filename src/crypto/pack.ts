/** Makes values short before they are sealed: compressed, and written in an alphabet that JSON leaves alone. */
import { promisify } from 'node:util'
import { brotliCompress, brotliDecompress, constants } from 'node:zlib'

const compress = promisify(brotliCompress)
const decompress = promisify(brotliDecompress)

/** Below this many characters compression gains nothing. */
const worthCompressing = 200
/** No honest value unpacks to more octets than this; the bound stops what a leaked key could do to our memory. */
const maximumUnpacked = 512 * 1024

/** Z85 (ZeroMQ RFC 32): 5 characters for 4 octets, none of which JSON escapes; base64 would need 5.33. */
const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'
const digits = new Map([...alphabet].map((sign, value) => [sign, value]))

/** `value` as JSON text, or, where that is long, compressed. */
export async function pack(value: unknown): Promise<string> {
  const text = JSON.stringify(value)
  if (text.length < worthCompressing) return `j${text}`
  const octets = Buffer.from(text)
  const options = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: octets.length } }
  return `b${encode85(await compress(octets, options))}`
}

/** The value that was packed; throws on anything else. */
export async function unpack(packed: string): Promise<unknown> {
  if (packed.startsWith('j')) return JSON.parse(packed.slice(1))
  if (!packed.startsWith('b')) throw new TypeError('cannot unpack: unknown form')
  const octets = await decompress(decode85(packed.slice(1)), { maxOutputLength: maximumUnpacked })
  return JSON.parse(octets.toString())
}

/** The first character says how many octets of the last group are padding. */
function encode85(octets: Buffer): string {
  const padding = (4 - (octets.length % 4)) % 4
  const padded = Buffer.concat([octets, Buffer.alloc(padding)])
  let text = String(padding)
  for (let at = 0; at < padded.length; at += 4) {
    let value = padded.readUInt32BE(at)
    let group = ''
    for (let place = 0; place < 5; place++) {
      group = (alphabet[value % 85] ?? '') + group
      value = Math.floor(value / 85)
    }
    text += group
  }
  return text
}

function decode85(text: string): Buffer {
  const padding = Number(text[0])
  if (!(padding >= 0 && padding <= 3) || text.length % 5 !== 1) throw new TypeError('cannot unpack: bad length')
  const octets = Buffer.alloc(((text.length - 1) / 5) * 4)
  for (let at = 1, to = 0; at < text.length; at += 5, to += 4) {
    let value = 0
    for (let place = 0; place < 5; place++) value = value * 85 + (digits.get(text[at + place] ?? '') ?? Number.NaN)
    if (!(value <= 0xffffffff)) throw new TypeError('cannot unpack: bad character')
    octets.writeUInt32BE(value, to)
  }
  return octets.subarray(0, octets.length - padding)
}
