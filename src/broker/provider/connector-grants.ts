/** Which grants a connector may be used for (`grantTypes` of its settings); an empty list means all. */

export type ConnectorGrant = 'authorization_code' | 'refresh_token' | typeof deviceGrant | typeof exchangeGrant

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

export function mayServe({ grantTypes }: { readonly grantTypes: readonly string[] }, grant: ConnectorGrant): boolean {
  return grantTypes.length === 0 || grantTypes.includes(grant)
}

/** What somebody at a page of the library is on the way to: a device's tokens, or a code for an application. */
export function grantOfPage(route: string): ConnectorGrant {
  return route === 'code_verification' || route === 'device_resume' ? deviceGrant : 'authorization_code'
}
