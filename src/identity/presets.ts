/** What is known about each provider that Pomerium names: its issuer, scopes and parameters. */

export type ProviderName =
  | 'apple'
  | 'auth0'
  | 'azure'
  | 'cognito'
  | 'github'
  | 'gitlab'
  | 'google'
  | 'hosted'
  | 'oidc'
  | 'okta'
  | 'onelogin'
  | 'ping'

export interface Preset {
  /** Where `idp_provider_url` is not set; undefined: it has to be. */
  readonly issuer: string | undefined
  readonly scopes: readonly string[]
  /** Parameters of the authorization request, unless `idp_request_params` is set, which replaces them. */
  readonly requestParams: Readonly<Record<string, string>>
  /** Parameters that stay whatever is set. */
  readonly fixedParams: Readonly<Record<string, string>>
  /** The claim that names the user. */
  readonly userIdClaim: 'sub' | 'oid'
}

const generic: Preset = {
  issuer: undefined,
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  requestParams: {},
  fixedParams: {},
  userIdClaim: 'sub',
}

const online = ['openid', 'profile', 'email']

/** In the order of reference; `undefined` is a provider that speaks no OpenID Connect, or is not ours to offer. */
const presets: Readonly<Record<ProviderName, Preset | undefined>> = {
  apple: {
    ...generic,
    issuer: 'https://appleid.apple.com',
    scopes: ['name', 'email'],
    fixedParams: { response_mode: 'form_post' },
  },
  auth0: generic,
  azure: {
    ...generic,
    issuer: 'https://login.microsoftonline.com/common/v2.0',
    requestParams: { prompt: 'select_account' },
    userIdClaim: 'oid',
  },
  cognito: { ...generic, scopes: online },
  github: undefined,
  gitlab: { ...generic, issuer: 'https://gitlab.com', scopes: online },
  google: {
    ...generic,
    issuer: 'https://accounts.google.com',
    scopes: online,
    requestParams: { prompt: 'select_account consent', access_type: 'offline' },
  },
  hosted: undefined,
  oidc: generic,
  okta: generic,
  onelogin: generic,
  ping: generic,
}

export interface ProviderSettings {
  readonly provider: ProviderName
  readonly url?: string | undefined
  readonly scopes?: readonly string[] | undefined
  readonly requestParams?: Readonly<Record<string, string>> | undefined
}

/** The provider as it will be asked: the preset with what is configured laid over it. */
export interface ProviderProfile {
  readonly issuer: string
  /** Always with `openid`, without which there would be no ID token. */
  readonly scope: string
  readonly requestParams: Readonly<Record<string, string>>
  readonly userIdClaim: 'sub' | 'oid'
  /** The provider answers by a cross-site POST, with which only SameSite=None cookies are sent. */
  readonly answersByPost: boolean
}

/** @throws TypeError when the provider is not supported or its issuer is not known */
export function providerProfile(settings: ProviderSettings): ProviderProfile {
  const preset = presets[settings.provider]
  if (!preset) {
    const hint =
      settings.provider === 'github'
        ? 'GitHub offers no OpenID Connect sign-in; put Dex in between'
        : 'name your own provider'
    throw new TypeError(`cannot use idp_provider ${settings.provider}: ${hint}`)
  }
  const issuer = settings.url || preset.issuer
  if (!issuer) throw new TypeError(`cannot use idp_provider ${settings.provider}: idp_provider_url is not set`)
  const scopes = settings.scopes && settings.scopes.length > 0 ? settings.scopes : preset.scopes
  const requestParams = { ...(settings.requestParams ?? preset.requestParams), ...preset.fixedParams }
  return {
    issuer,
    scope: [...new Set(['openid', ...scopes])].join(' '),
    requestParams,
    userIdClaim: preset.userIdClaim,
    answersByPost: requestParams['response_mode'] === 'form_post',
  }
}
