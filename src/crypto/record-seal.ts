/**
 * The seal of records at rest: whoever reads the database finds no token, no code and no secret in it, and whoever may
 * write to it cannot move a record to another id. A random data key does the work; the configured secrets only wrap it,
 * so that they can change without a record being written again.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { KeyRing } from './key-ring.ts'

export interface RecordSeal {
  /** What stands in the database instead of the id: a keyed hash (HMAC-SHA-256), 43 characters. */
  hideId(kind: string, id: string): string
  /** The same for the value of an index; equal values stay equal over all kinds. */
  hideIndex(name: string, value: string): string
  /** The text under AES-256-GCM, bound to its place. */
  seal(text: string, place: RecordPlace): string
  /** The text, or undefined for whatever was not sealed with this key for this place. */
  open(sealed: string, place: RecordPlace): string | undefined
}

export interface RecordPlace {
  readonly kind: string
  readonly hiddenId: string
}

/** Nonce and tag of GCM (NIST SP 800-38D §5.2.1.1). */
const NONCE = 12
const TAG = 16
const KEY = 32

const wrapPurpose = 'store data key'

/** A new data key, wrapped with the newest secret of the ring. */
export function makeDataKey(ring: KeyRing): { readonly seal: RecordSeal; readonly wrapped: string } {
  const dataKey = randomBytes(KEY)
  return { seal: recordSeal(dataKey), wrapped: wrap(dataKey, ring) }
}

/**
 * The seal whose data key was wrapped with one of the ring's secrets, or undefined where it was none of them.
 * `rewrapped` is there when it was not the newest.
 */
export function openDataKey(
  wrapped: string,
  ring: KeyRing,
): { readonly seal: RecordSeal; readonly rewrapped: string | undefined } | undefined {
  const [id, sealed = ''] = wrapped.split('.', 2)
  const keys = ring.keysFor(wrapPurpose)
  const key = keys.find((candidate) => String(candidate.id) === id)
  const dataKey = key && decrypt(sealed, { key: createSecretKey(key.octets), bound: wrapPurpose })
  if (!key || dataKey?.length !== KEY) return undefined
  return { seal: recordSeal(dataKey), rewrapped: key === keys[0] ? undefined : wrap(dataKey, ring) }
}

function wrap(dataKey: Buffer, ring: KeyRing): string {
  const [newest] = ring.keysFor(wrapPurpose)
  return `${newest.id}.${encrypt(dataKey, { key: createSecretKey(newest.octets), bound: wrapPurpose })}`
}

function recordSeal(dataKey: Buffer): RecordSeal {
  const derive = (purpose: string) => createSecretKey(Buffer.from(hkdfSync('sha256', dataKey, '', purpose, KEY)))
  const [idKey, indexKey, sealKey] = [derive('record id'), derive('record index'), derive('record value')]
  const hide = (key: KeyObject, parts: readonly string[]) =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url')
  /** A key for each record, so that random nonces are counted by record (at most 2^32 a key, SP 800-38D §8.3). */
  const bindTo = ({ kind, hiddenId }: RecordPlace) => {
    const bound = JSON.stringify([kind, hiddenId])
    return { key: createSecretKey(createHmac('sha256', sealKey).update(bound).digest()), bound }
  }
  return {
    hideId: (kind, id) => hide(idKey, [kind, id]),
    hideIndex: (name, value) => hide(indexKey, [name, value]),
    seal: (text, place) => encrypt(Buffer.from(text), bindTo(place)),
    open: (sealed, place) => decrypt(sealed, bindTo(place))?.toString(),
  }
}

interface Binding {
  readonly key: KeyObject
  /** Associated data: not in the text, and has to be the same when it is opened. */
  readonly bound: string
}

function encrypt(plain: Buffer, { key, bound }: Binding): string {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG })
  cipher.setAAD(Buffer.from(bound))
  const body = cipher.update(plain)
  cipher.final()
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')
}

function decrypt(sealed: string, { key, bound }: Binding): Buffer | undefined {
  const octets = Buffer.from(sealed, 'base64url')
  if (octets.length < NONCE + TAG) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, octets.subarray(0, NONCE), { authTagLength: TAG })
  decipher.setAAD(Buffer.from(bound))
  decipher.setAuthTag(octets.subarray(NONCE, NONCE + TAG))
  const plain = decipher.update(octets.subarray(NONCE + TAG))
  try {
    decipher.final()
    return plain
  } catch {
    return undefined
  }
}
