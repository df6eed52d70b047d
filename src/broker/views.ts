/** What the broker has to show, as values; whoever starts it hands in the pages. */

export type BrokerView =
  | {
      readonly kind: 'sign-in'
      /** Where the form goes. */
      readonly action: string
      /** What was typed before, or what the application suggests. */
      readonly email: string
      readonly problem: string | undefined
    }
  | {
      readonly kind: 'sign-out'
      readonly action: string
      /** Hidden fields that the form has to send back. */
      readonly fields: Readonly<Record<string, string>>
      readonly name: string
    }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'problem'; readonly heading: string; readonly text: string }

export interface BrokerPages {
  /** A whole HTML document. */
  render(view: BrokerView): string
  /** The source expression that lets its style through a Content-Security-Policy. */
  readonly styleSource: string
}

/** Headers of every page. `formTargets`: origins and schemes that a form may lead to, redirects after it included. */
export function pageHeaders(pages: BrokerPages, formTargets: readonly string[]): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src ${pages.styleSource}`,
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
}
