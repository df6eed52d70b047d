/** Path and Host as the application sees them. */

export interface RewriteOptions {
  readonly prefix?: string | undefined
  readonly path?: string | undefined
  readonly regex?: string | undefined
  readonly prefixRewrite?: string | undefined
  /** The first `to`, whose path counts as prefix_rewrite where there is none. */
  readonly to: string
}

/**
 * Compiles the rewriting of a canonical path: what the route's rule matched (its prefix, the whole path of a `path` or
 * `regex` route) is replaced. Nothing is joined or cleaned, as in Pomerium: `/base` and `/x` give `/basex`
 * for the prefix `/`.
 */
export function compilePath(options: RewriteOptions): (path: string) => string {
  const replacement = options.prefixRewrite ?? pathOf(options.to)
  if (replacement === undefined) return (path) => path
  const rooted = replacement.startsWith('/') ? replacement : `/${replacement}`
  if (options.regex !== undefined || options.path !== undefined) return () => rooted
  const matched = (options.prefix ?? '/').length
  return (path) => rooted + path.slice(matched)
}

/** The path written in a `to`, or undefined where it has none; a query there is dropped. */
function pathOf(to: string): string | undefined {
  return /^[a-z0-9+.-]+:\/\/[^/?#]*(\/[^?#]*)/i.exec(to)?.[1]
}

export interface HostOptions {
  readonly hostRewrite?: string | undefined
  readonly preserveHost?: boolean | undefined
}

/** How the Host of a request comes about; `fixed` where it does not depend on the request. */
export type HostRule =
  | { readonly kind: 'fixed'; readonly host: string }
  | { readonly kind: 'preserve' }
  | { readonly kind: 'target' }

/** host_rewrite before preserve_host_header before the host of the chosen target. */
export function hostRule({ hostRewrite, preserveHost }: HostOptions): HostRule {
  if (hostRewrite !== undefined && hostRewrite !== '') return { kind: 'fixed', host: hostRewrite }
  return preserveHost === true ? { kind: 'preserve' } : { kind: 'target' }
}
