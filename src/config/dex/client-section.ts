/** Keys of an application that signs people in at the broker: an entry of `staticClients`, or a file for `idp create-client`. */
import { Secret } from '../../crypto/secret.ts'
import { settingType } from '../setting-type.ts'
import { goFlag, goOneOf, goSections, goText, goTexts } from './go-types.ts'
import { groupRules } from './group-rules.ts'

const oneSession = 'every application shares the session of the broker, and signs in on its own'

/** The empty text is no secret. */
const someSecret = () =>
  settingType('secret text', (raw, fail): Secret | undefined => {
    const text = goText().safeParse(raw)
    if (!text.success) fail('text', { hint: 'write it in quotes' })
    return text.success && text.data !== '' ? new Secret(text.data) : undefined
  })

export const clientShape = {
  id: goText().optional().meta({ doc: 'The name that the application gives itself: `client_id`.' }),
  idEnv: goText().optional().meta({ doc: 'Instead of `id`: the environment variable that holds it.' }),
  secret: someSecret().optional().meta({ doc: 'What the application proves itself with.', secret: true }),
  secretEnv: goText().optional().meta({ doc: 'Instead of `secret`: the environment variable that holds it.' }),
  name: goText().meta({ doc: 'The name that people read when they are asked for consent.' }),
  redirectURIs: goTexts().prefault([]).meta({
    doc: 'Where people may be sent back to, compared character by character. A public client without any may use the loopback addresses, with any port (RFC 8252 §7.3).',
  }),
  trustedPeers: goTexts().prefault([]).meta({
    doc: 'Clients that may ask for tokens meant for this one, by the scope `audience:server:client_id:ID`.',
  }),
  public: goFlag().prefault(false).meta({
    doc: 'An application that can keep no secret: one on a desktop, a phone, in a page.',
  }),
  logoURL: goText().prefault('').meta({ doc: 'A picture for the page that asks for consent.' }),
  postLogoutRedirectURIs: goTexts().prefault([]).meta({
    doc: 'Where people may be sent after signing out, compared character by character (OpenID Connect RP-Initiated Logout §3).',
  }),
  backchannelLogoutURI: goText().optional().meta({
    doc: 'Told by a signed token when the session ends (OpenID Connect Back-Channel Logout §2.5).',
  }),
  refreshTokenLifetime: goOneOf(['standalone', 'session']).prefault('standalone').meta({
    doc: '`session`: a refresh token ends with the session in the browser.',
  }),
  allowedConnectors: goTexts().prefault([]).meta({ doc: 'Ids of the connectors that people may use; empty: all.' }),
  pkce: goOneOf(['required', 'optional']).optional().meta({
    doc: '*Only here.* `required`: no sign-in without a challenge (RFC 7636). It is always required of public clients.',
    shownDefault: '`optional`, or as `oauth2.pkce.enforce` says',
  }),
  groups: groupRules()
    .optional()
    .meta({ doc: '*Only here.* What is done to names of groups in tokens for this client.' }),
}

/** Keys of Dex's that a client cannot have here, with the reason. */
export const refusedClientKeys = {
  mfaChain: 'a second factor belongs to the source behind the connector (or see authentication strength in policies)',
  ssoSharedWith: oneSession,
  clientCredentialsClaims: 'the grant client_credentials is not offered: it knows no person',
}

export const clientSections = () => goSections(clientShape, { refused: refusedClientKeys })
