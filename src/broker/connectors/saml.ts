/**
 * The `saml` connector: sends the browser to a SAML 2.0 identity provider and reads its answer (Web Browser SSO profile,
 * HTTP-POST binding). Who somebody is comes only from octets that a pinned key has signed.
 */
import type { SamlSettings } from '../../config/dex/connectors/saml.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import { BoundedThreads, threadFile } from '../threads/bounded-threads.ts'
import type { ConnectorTools, RedirectConnector } from './connector.ts'
import { invalid } from './saml/answer-failure.ts'
import { entityOf, newRequestId, writeAuthnRequest } from './saml/authn-request.ts'
import { checkAssertion } from './saml/check-assertion.ts'
import { checkResponse } from './saml/check-response.ts'
import { decodeAnswer } from './saml/decode-answer.ts'
import { diagnoseSaml } from './saml/diagnose-saml.ts'
import { checkShape } from './saml/message-shape.ts'
import { TRANSIENT } from './saml/names.ts'
import { inForce, isInTime, isShort, readPinned } from './saml/pinned-certificates.ts'
import { readIdentity } from './saml/read-identity.ts'
import { attributeOf, readXml } from './saml/read-xml.ts'
import { ReplayMemory } from './saml/replay-memory.ts'
import type { AnswerRules } from './saml/rules.ts'
import { checkCallback, checkSettings, lookAtProvider } from './saml/sign-in-address.ts'
import type { SignatureAnswer, SignatureOrder } from './saml/signature-thread.ts'
import { iso } from './saml/times.ts'

export function openSamlConnector(settings: SamlSettings, tools: ConnectorTools): RedirectConnector {
  const { id } = tools
  const used = new ReplayMemory()
  let warnedOfTransient = false
  const signatures = new BoundedThreads<SignatureOrder, SignatureAnswer>({
    ...{ name: 'signatures', file: threadFile('./saml/signature-thread', import.meta.url) },
    ...{ threads: 1, waiting: 16, timeLimit: 10_000, failure: notChecked },
  })

  return {
    kind: 'redirect',
    // An assertion says who somebody was at the sign-in; there is nobody to ask later.
    freshness: 'sign-in',

    async check(signal) {
      checkSettings(settings, tools)
      const certificates = await readPinned(settings, tools)
      const now = tools.now()
      inForce(certificates, { id, now })
      for (const certificate of certificates) {
        const { subject, notBefore, notAfter, keyBits } = certificate
        if (!isInTime(certificate, now))
          tools.warn(
            `connector ${id} pins a certificate that is out of its time: ${subject}, ${iso(notBefore)} to ${iso(notAfter)}`,
          )
        if (isShort(certificate)) tools.warn(`connector ${id} pins a key that is too short: ${subject}, RSA ${keyBits}`)
      }
      const { isTrusted, found } = await lookAtProvider(settings.ssoURL, { ...tools, signal })
      if (!isTrusted) tools.warn(`connector ${id}: ${settings.ssoURL}: ${found}`)
    },

    async start({ state }) {
      checkCallback(settings, tools)
      const request = newRequestId()
      return {
        send: {
          by: 'post',
          action: settings.ssoURL,
          fields: { SAMLRequest: await writeAuthnRequest(settings, request), RelayState: state },
        },
        secrets: JSON.stringify({ connector: id, request }),
      }
    },

    async finish({ answer, by, state, secrets, scopes, signal }) {
      const rules: AnswerRules = {
        requestId: requestOf(secrets, id),
        redirectURI: settings.redirectURI,
        audience: entityOf(settings),
        issuer: settings.ssoIssuer === '' ? undefined : settings.ssoIssuer,
        maxAuthenticationAge: settings.maxAuthenticationAge,
        now: tools.now(),
      }
      const text = decodeAnswer({ answer, by, state })
      const response = readXml(text)
      checkResponse(response, rules)
      const shape = checkShape(response, {
        allowSha1: settings.insecureAllowSHA1,
        requireBoth: settings.requireBothSignatures,
      })
      const pinned = inForce(await readPinned(settings, tools), { id, now: rules.now })
      const certificates = pinned.map(({ pem }) => pem)
      const checked = await signatures.ask({ text, rules: { shape, rules, certificates } }, signal)
      if (checked.kind === 'invalid') throw new ProxyError('CONNECTOR_ANSWER_INVALID', checked.reason)
      const { assertion } = checked

      const { issuer, nameId, deadline } = checkAssertion(assertion, rules)
      const use = used.note(JSON.stringify([issuer, shape.assertionId]), { deadline, now: rules.now })
      if (use === 'used') throw invalid('it has been used before')
      if (use === 'full')
        throw new ProxyError(
          'CONNECTOR_UNREACHABLE',
          `cannot remember more assertions of connector ${id} against replay`,
        )

      if (!warnedOfTransient && attributeOf(nameId, 'Format') === TRANSIENT) {
        warnedOfTransient = true
        tools.warn(`connector ${id} gets transient NameIDs, which make a new user of everybody at each sign-in`)
      }
      return readIdentity({ assertion, nameId }, { settings, scopes })
    },

    diagnose: ({ signal }) => diagnoseSaml(settings, tools, signal),
    close: () => signatures.close(),
  }
}

function notChecked(reason: string, cause?: unknown): ProxyError {
  return new ProxyError('CONNECTOR_UNREACHABLE', `cannot check a signature: ${reason}`, {
    headers: ['retry-after', '5'],
    ...(cause !== undefined && { cause }),
  })
}

/** The id of our request, of the secrets that came back by way of the broker. */
function requestOf(secrets: string, id: string): string {
  let read: unknown
  try {
    read = JSON.parse(secrets)
  } catch (cause) {
    throw invalid('the attempt it belongs to is not one of SAML', cause)
  }
  const { connector, request } = (typeof read === 'object' && read !== null ? read : {}) as Record<string, unknown>
  if (connector !== id || typeof request !== 'string' || request === '')
    throw invalid('the attempt it belongs to is one of another connector')
  return request
}
