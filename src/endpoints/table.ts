/** Every path that we answer ourselves, in one list. */
import type { Handler } from './context.ts'
import { receiveHandOver } from './hand-over.ts'
import { keySet, metadata, ping, toCallback, toFolder, toStart } from './plain.ts'
import { providerCallback } from './provider-callback.ts'
import { beginSignIn, signIn } from './sign-in.ts'
import { signedOut, signOut, signOutEverywhere } from './sign-out.ts'
import { robots } from './start-sign-in.ts'
import { user, whoAmI } from './who-am-i.ts'

export interface EndpointRow {
  /** The name in the access log. */
  readonly name: string
  readonly path: string
  readonly methods: readonly string[]
  /** At every host that we are asked for, at hosts of routes only, or at the authenticate host only. */
  readonly at: 'everywhere' | 'route' | 'authenticate'
  readonly handler: Handler
}

const read = ['GET', 'HEAD']

export const endpoints: readonly EndpointRow[] = [
  // what programs ask
  { name: 'ping', path: '/ping', methods: read, at: 'everywhere', handler: ping },
  { name: 'healthz', path: '/healthz', methods: read, at: 'everywhere', handler: ping },
  { name: 'metadata', path: '/.well-known/pomerium', methods: read, at: 'everywhere', handler: metadata },
  { name: 'metadata', path: '/.well-known/pomerium/', methods: read, at: 'everywhere', handler: metadata },
  { name: 'key_set', path: '/.well-known/pomerium/jwks.json', methods: read, at: 'everywhere', handler: keySet },
  { name: 'robots', path: '/robots.txt', methods: read, at: 'authenticate', handler: robots },
  // signing in, in the order of the journey
  { name: 'sign_in', path: '/.pomerium/sign_in', methods: ['GET'], at: 'authenticate', handler: signIn },
  {
    name: 'provider_callback',
    path: '/oauth2/callback',
    methods: ['GET', 'POST'],
    at: 'authenticate',
    handler: providerCallback,
  },
  { name: 'callback', path: '/.pomerium/callback/', methods: ['GET'], at: 'route', handler: receiveHandOver },
  { name: 'callback', path: '/.pomerium/callback', methods: ['GET'], at: 'route', handler: toCallback },
  { name: 'begin_sign_in', path: '/.pomerium/sign_in', methods: ['GET'], at: 'route', handler: beginSignIn },
  // being signed in
  { name: 'start', path: '/', methods: read, at: 'authenticate', handler: toStart },
  { name: 'start', path: '/.pomerium', methods: read, at: 'everywhere', handler: toFolder },
  { name: 'who_am_i', path: '/.pomerium/', methods: read, at: 'everywhere', handler: whoAmI },
  { name: 'user', path: '/.pomerium/user', methods: read, at: 'route', handler: user },
  // leaving
  {
    name: 'sign_out',
    path: '/.pomerium/sign_out',
    methods: ['GET', 'POST'],
    at: 'authenticate',
    handler: signOutEverywhere,
  },
  { name: 'sign_out', path: '/.pomerium/sign_out', methods: ['GET', 'POST'], at: 'route', handler: signOut },
  { name: 'signed_out', path: '/.pomerium/signed_out', methods: read, at: 'authenticate', handler: signedOut },
]
