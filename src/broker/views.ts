/** What the broker has to show, as values; whoever starts it hands in the pages. */

import type { ErrorCode } from '../errors/catalog.ts'

/** The application that somebody signs in to, as its owner named it. */
export interface ShownClient {
  readonly name: string
}

export type BrokerView =
  | {
      readonly kind: 'choose'
      readonly client: ShownClient
      readonly connectors: readonly { readonly name: string; readonly href: string }[]
    }
  | {
      readonly kind: 'sign-in'
      readonly client: ShownClient
      /** Where the form goes. */
      readonly action: string
      /** What the name is called here: "Username", "Email". */
      readonly prompt: string
      /** The connector's name; undefined where there is only one. */
      readonly connector: string | undefined
      /** What was typed before, or what the application suggests. */
      readonly login: string
      readonly problem: string | undefined
      /** State of the box "stay signed in"; undefined: there is none. */
      readonly remember: boolean | undefined
      /** Back to the choice of connectors. */
      readonly otherHref: string | undefined
    }
  | {
      readonly kind: 'consent'
      readonly client: ShownClient
      readonly action: string
      readonly fields: Readonly<Record<string, string>>
      readonly name: string
      /** What the application will know, in words. */
      readonly wishes: readonly string[]
    }
  | {
      /** A form that has to be sent on to another service, by hand since there is no script. */
      readonly kind: 'onward'
      readonly connector: string
      readonly action: string
      readonly fields: Readonly<Record<string, string>>
    }
  | {
      /** The answer to an application that wants it as a form (`response_mode=form_post`). */
      readonly kind: 'answer'
      readonly client: ShownClient
      readonly action: string
      readonly fields: Readonly<Record<string, string>>
    }
  | {
      /** The same for an application that no browser can open: somebody copies it. */
      readonly kind: 'code'
      readonly client: ShownClient
      readonly code: string
    }
  | {
      readonly kind: 'device-code'
      readonly action: string
      readonly fields: Readonly<Record<string, string>>
      readonly code: string
      readonly problem: string | undefined
    }
  | {
      readonly kind: 'device-confirm'
      readonly action: string
      readonly fields: Readonly<Record<string, string>>
      readonly code: string
      readonly client: ShownClient
    }
  | { readonly kind: 'device-done'; readonly client: ShownClient }
  | {
      readonly kind: 'sign-out'
      readonly action: string
      /** Hidden fields that the form has to send back. */
      readonly fields: Readonly<Record<string, string>>
      readonly name: string
    }
  | { readonly kind: 'signed-out' }
  | {
      readonly kind: 'problem'
      readonly heading: string
      readonly text: string
      readonly advice?: string
      readonly requestId?: string
      /** Nothing has gone wrong. */
      readonly isFine?: true
    }

export interface BrokerPages {
  /** A whole HTML document. */
  render(view: BrokerView): string
  /** What people read of a failure, and its status. */
  failure(code: ErrorCode): { readonly status: number; readonly text: string; readonly advice: string }
  /** The source expression that lets its style through a Content-Security-Policy. */
  readonly styleSource: string
  /** The same for the one script there is: it sends the form of an `answer`. */
  readonly scriptSource: string
}

/** Headers of every page. `formTargets`: origins and schemes that a form may lead to, redirects after it included. */
export function pageHeaders(
  pages: BrokerPages,
  formTargets: readonly string[],
  { sendsItself = false }: { readonly sendsItself?: boolean } = {},
): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src ${pages.styleSource}`,
    ...(sendsItself ? [`script-src ${pages.scriptSource}`] : []),
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

/**
 * Schemes that a form of ours may lead to in the end. Chromium holds every redirect after a form against form-action:
 * from the application's address it may go on to any site, so schemes are all that can be named.
 */
export function formTargetsOf(redirectUri: unknown): readonly string[] {
  const schemes = new Set(['https:', 'http:'])
  if (typeof redirectUri === 'string' && URL.canParse(redirectUri)) schemes.add(new URL(redirectUri).protocol)
  return [...schemes]
}
