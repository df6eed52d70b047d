/** `oidc-provider`, loaded when a broker is opened and not before: a proxy without one does without it. */
import type * as Library from 'oidc-provider'

export type ProviderErrors = typeof Library.errors
export type ProviderLibrary = typeof Library

let loading: Promise<ProviderLibrary> | undefined

/**
 * Loads oidc-provider without its notice that the runtime is unsupported: it prints that wherever the release has no
 * long-term-support name yet, as Node 26 has not. Nothing else of it writes while it loads.
 */
export function loadOidcLibrary(): Promise<ProviderLibrary> {
  loading ??= load()
  return loading
}

async function load(): Promise<ProviderLibrary> {
  const { warn } = console
  console.warn = () => undefined
  try {
    await withoutContextTracking()
    return await import('oidc-provider')
  } finally {
    console.warn = warn
  }
}

/**
 * The library remembers the request under way in an AsyncLocalStorage, for functions of its settings that are called
 * without one; none of ours asks. From its first use on the runtime would carry that along with every promise of the
 * process, those of proxied requests included (bench/broker-beside.ts shows it).
 */
async function withoutContextTracking(): Promise<void> {
  const path = 'oidc-provider/lib/helpers/als.js'
  const { default: storage } = (await import(path)) as { default: ContextStorage }
  storage.run = (_store, act, ...rest) => act(...rest)
  storage.getStore = () => undefined
}

interface ContextStorage {
  run(store: unknown, act: (...rest: unknown[]) => unknown, ...rest: unknown[]): unknown
  getStore(): unknown
}
