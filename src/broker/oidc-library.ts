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
    return await import('oidc-provider')
  } finally {
    console.warn = warn
  }
}
