/** Settings of signing in: the provider, the authenticate host, sessions and cookies. */
import { originUrl, webUrl } from './address-types.ts'
import { textMap } from './map-types.ts'
import { duration, oneOf, secretKey, secretKeys, secretText, text, wordList } from './simple-types.ts'

/** Providers by Pomerium's names; all but `oidc` are presets of issuer, scopes and parameters. */
const providers = [
  'oidc',
  'apple',
  'auth0',
  'azure',
  'cognito',
  'github',
  'gitlab',
  'google',
  'okta',
  'onelogin',
  'ping',
] as const

export const identitySettings = {
  authenticate_service_url: originUrl().optional().meta({
    doc: 'Public address of the host on which people sign in. The provider must know its `/oauth2/callback`.',
    pomerium: 'There is no hosted default: a route that needs sign-in is refused without it.',
  }),
  idp_provider: oneOf(providers).optional().meta({
    blankIsUnset: true,
    doc: 'Who says who somebody is: `oidc` for any OpenID Connect provider, or a preset.',
  }),
  idp_provider_url: webUrl().optional().meta({
    doc: 'The issuer, exactly as the provider names itself. A plain http issuer is used only because it is written here.',
  }),
  idp_client_id: text().optional().meta({ doc: 'The client registered for this proxy at the provider.' }),
  idp_client_secret: secretText().optional().meta({
    doc: "The client's secret. `idp_client_secret_file` names a file instead.",
    secret: true,
  }),
  idp_scopes: wordList().prefault([]).meta({
    doc: 'Scopes to ask for. Empty: those of the preset, `openid profile email offline_access` for `oidc`.',
  }),
  idp_request_params: textMap().optional().meta({
    doc: "More parameters of the sign-in request; they replace the preset's.",
    pomerium: 'Names keep their case.',
  }),
  cookie_name: text().optional().meta({
    doc: 'Base name of all cookies. Where it is not set they are `__Host-ostiary` and its family.',
    pomerium: 'The default there is `_pomerium`.',
  }),
  cookie_secret: secretKey().optional().meta({
    doc: 'Key of the cookies, base64 of 32 bytes. `cookie_secret_file` names a file instead.',
    secret: true,
    shownDefault: 'made at random; sessions then end with the process',
  }),
  cookie_domain: text().optional().meta({ doc: 'Domain of the cookies. Unset: the host that set them, and no other.' }),
  cookie_expire: duration({ max: '8784h' })
    .prefault('14h')
    .meta({ doc: 'How long a session lives after signing in, whatever happens.' }),
  session_refresh_interval: duration({ max: '8784h' }).prefault('1h').meta({
    doc: 'Where the provider gives refresh tokens (`offline_access`): how long what it said about somebody is taken as it is. Then it is asked again in the background, and before its ID token ends in any case; after a restart, and at other instances, people go round by it instead. 0s: only when the ID token ends.',
    pomerium: 'Only here.',
  }),
  cookie_same_site: oneOf(['', 'strict', 'lax', 'none'])
    .prefault('')
    .meta({ doc: 'SameSite of the cookies. Empty: `lax`.' }),
  shared_secret: secretKey().optional().meta({
    doc: 'Key from which others are derived, base64 of 32 bytes; equal in all instances. `shared_secret_file` names a file instead.',
    secret: true,
    shownDefault: 'made at random; sessions then end with the process',
  }),
  previous_cookie_secrets: secretKeys().prefault([]).meta({
    doc: 'Former values of `cookie_secret`: what they sealed still opens, so that a change of the key disturbs no sign-in under way.',
    secret: true,
    pomerium: 'Only here.',
  }),
  previous_shared_secrets: secretKeys().prefault([]).meta({
    doc: 'Former values of `shared_secret`: sessions that they sealed still open, so that a change of the key ends none. Take them out after `cookie_expire`.',
    secret: true,
    pomerium: 'Only here.',
  }),
  signout_redirect_url: webUrl().optional().meta({ doc: 'Where people go after signing out.' }),
}
