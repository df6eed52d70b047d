/**
 * What the provider decides, told line by line: codes and tokens given and refused, devices let in, sessions ended.
 * The library tells each by an event; what it has looked up by then says whom it is about.
 */
import type { KoaContextWithOIDC, default as Provider } from 'oidc-provider'
import type { Audit, Decision, DecisionAct } from '../audit.ts'
import { deviceGrant, exchangeGrant, grantOfPage } from './connector-grants.ts'
import type { KnownIdentity } from './identities.ts'

const acts: Readonly<Record<string, DecisionAct>> = {
  authorization_code: 'code redemption',
  refresh_token: 'refresh',
  [deviceGrant]: 'device code redemption',
  [exchangeGrant]: 'token exchange',
}

/** Neither is a decision: the device asks again while the person types (RFC 8628 §3.5). */
const pending: ReadonlySet<string> = new Set(['authorization_pending', 'slow_down'])

export function keepAuditTrail(provider: Provider, audit: Audit): void {
  const told = (context: KoaContextWithOIDC, act: DecisionAct, more: Pick<Decision, 'outcome' | 'code' | 'reason'>) =>
    audit({ act, address: context.ip, ...whoOf(context), ...more })
  const refused =
    (act: (context: KoaContextWithOIDC) => DecisionAct) => (context: KoaContextWithOIDC, error: Error) => {
      const { name, code, reason, status } = wordsOf(error)
      if (pending.has(code)) return
      told(context, name === 'InvalidClientAuth' ? 'client authentication' : act(context), {
        outcome: status >= 500 ? 'failed' : 'refused',
        code,
        ...(reason !== undefined && { reason }),
      })
    }
  const grantOf = (context: KoaContextWithOIDC) =>
    acts[String(context.oidc.params?.['grant_type'])] ?? 'client authentication'

  provider.on('grant.success', (context) => told(context, grantOf(context), { outcome: 'done' }))
  provider.on('grant.error', refused(grantOf))
  provider.on(
    'introspection.error',
    refused(() => 'client authentication'),
  )
  provider.on(
    'revocation.error',
    refused(() => 'revocation'),
  )
  provider.on(
    'userinfo.error',
    refused(() => 'userinfo'),
  )
  provider.on(
    'device_authorization.error',
    refused(() => 'client authentication'),
  )
  provider.on('authorization.success', (context) =>
    told(context, grantOfPage(context.oidc.route) === deviceGrant ? 'device approval' : 'authorization', {
      outcome: 'done',
    }),
  )
  provider.on('end_session.success', (context) => told(context, 'sign-out', { outcome: 'done' }))
  provider.use(async (context, next) => {
    await next()
    const { oidc } = context as KoaContextWithOIDC
    if (oidc?.route === 'revocation' && context.status === 200)
      told(context as KoaContextWithOIDC, 'revocation', { outcome: 'done' })
  })
}

function whoOf({ oidc }: KoaContextWithOIDC): Pick<Decision, 'client' | 'subject' | 'connector'> {
  const { Account, RefreshToken, AccessToken, AuthorizationCode, DeviceCode, Client } = oidc.entities
  const asked = Client?.clientId ?? oidc.params?.['client_id']
  const source = RefreshToken ?? AuthorizationCode ?? AccessToken ?? DeviceCode
  const subject = Account?.accountId ?? source?.accountId ?? oidc.session?.accountId
  const known = Account?.['known'] as KnownIdentity | undefined
  return {
    ...(typeof asked === 'string' && { client: asked.slice(0, 128) }),
    ...(subject !== undefined && { subject }),
    ...(known && { connector: known.connectorId }),
  }
}

/** The library's detail is a sentence of its own or of ours; its description may repeat what was sent. */
function wordsOf(error: Error) {
  const { error: code, error_detail: reason, statusCode } = error as Error & Readonly<Record<string, unknown>>
  return {
    name: error.name,
    code: typeof code === 'string' ? code : error.message.slice(0, 64),
    reason: typeof reason === 'string' ? reason.slice(0, 200) : undefined,
    status: typeof statusCode === 'number' ? statusCode : 500,
  }
}
