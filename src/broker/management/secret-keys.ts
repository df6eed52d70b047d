/** Which values of a connector's settings are secret, by the keys they stand under, and how they are kept out of sight. */
import type { JsonObject, JsonValue } from '../store/store.ts'

/** What stands in the place of a secret. No update takes it for one. */
export const MASK = '********'

/** Misspelt and foreign keys count as well: better one name hidden than one secret shown. */
const suspect = /secret|passw|pw$|pwd|passphrase|token$|credential|private|authorization|cookie|key$|keydata$/i
/** Keys that name a claim, a file or an address. */
const harmless =
  /^(?:user(?:ID|Name)|preferredUsername|email|emailVerified|groups|name)Key$|^clientKey$|File(?:Path)?$|UR[IL]$/i

export function isSecretKey(key: string): boolean {
  return suspect.test(key) && !harmless.test(key)
}

/** The same settings with masks in the place of secrets. */
export function maskSecrets(config: JsonObject): JsonObject {
  return mapped(config, false, (text, isSecret) => (isSecret ? MASK : withoutUserinfo(text)))
}

/** True where a value is the mask, which somebody has copied from what was shown. */
export function holdsMask(config: JsonObject): boolean {
  let found = false
  mapped(config, false, (text) => {
    found ||= text === MASK
    return text
  })
  return found
}

/** The text without the secrets of these settings, should a library have quoted one. */
export function withoutSecretsOf(config: JsonObject, text: string): string {
  const secrets: string[] = []
  mapped(config, false, (value, isSecret) => {
    if (isSecret && value.length >= 3) secrets.push(value)
    return value
  })
  return withoutUserinfo(secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text))
}

/** `https://user:password@host` as `https://********@host`. */
function withoutUserinfo(text: string): string {
  return text.replace(/(:\/\/)[^\s/@"']+@/g, `$1${MASK}@`)
}

function mapped(
  config: JsonObject,
  isSecret: boolean,
  change: (text: string, isSecret: boolean) => string,
): JsonObject {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, mappedValue(value, isSecret || isSecretKey(key), change)]),
  )
}

function mappedValue(
  value: JsonValue,
  isSecret: boolean,
  change: (text: string, isSecret: boolean) => string,
): JsonValue {
  if (typeof value === 'string') return change(value, isSecret)
  if (typeof value === 'number') return isSecret ? change(String(value), true) : value
  if (typeof value !== 'object' || value === null) return value
  return isList(value) ? value.map((item) => mappedValue(item, isSecret, change)) : mapped(value, isSecret, change)
}

function isList(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value)
}
