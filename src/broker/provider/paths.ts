/** Every path below the issuer that the provider answers, and the methods of each: Dex's, and those that Dex lacks. */

export const brokerPaths = {
  authorization: '/auth',
  token: '/token',
  jwks: '/keys',
  userinfo: '/userinfo',
  introspection: '/token/introspect',
  revocation: '/token/revoke',
  device_authorization: '/device/code',
  code_verification: '/device',
  end_session: '/logout',
} as const

const discoveryPath = '/.well-known/openid-configuration'
/** Where Dex's older clients redeem device codes. */
export const oldDeviceTokenPath = '/device/token'

const reading = ['GET', 'HEAD']
const sending = ['POST']

/** For programs: they get JSON whatever they say they accept, and scripts of some origins may read it. */
const programPaths: Readonly<Record<string, readonly string[]>> = {
  [discoveryPath]: reading,
  '/.well-known/oauth-authorization-server': reading,
  [brokerPaths.jwks]: reading,
  [brokerPaths.userinfo]: [...reading, ...sending],
  [brokerPaths.token]: sending,
  [oldDeviceTokenPath]: sending,
  [brokerPaths.introspection]: sending,
  [brokerPaths.revocation]: sending,
  [brokerPaths.device_authorization]: sending,
}

/** For people with a browser. */
const pagePaths: Readonly<Record<string, readonly string[]>> = {
  [brokerPaths.authorization]: [...reading, ...sending],
  [brokerPaths.code_verification]: [...reading, ...sending],
  [brokerPaths.end_session]: [...reading, ...sending],
  '/logout/confirm': sending,
  '/logout/success': reading,
}

/** An attempt on its way back to the provider, or Dex's `/auth/ID`. */
const attemptPath = /^\/(?:auth|device)\/[^/]+$/

export interface PathRules {
  readonly for: 'programs' | 'people'
  readonly methods: readonly string[]
}

/**
 * Undefined where the provider has nothing. The library's router takes other spellings, too (`/Device`, `/device/`),
 * which would go round what is done for a path.
 */
export function rulesOfPath(path: string): PathRules | undefined {
  const programs = Object.hasOwn(programPaths, path) ? programPaths[path] : undefined
  if (programs) return { for: 'programs', methods: programs }
  const pages = Object.hasOwn(pagePaths, path) ? pagePaths[path] : undefined
  if (pages) return { for: 'people', methods: pages }
  return attemptPath.test(path) ? { for: 'people', methods: [...reading, ...sending] } : undefined
}
