/** Settings of what upstreams and clients are told, and of the logs. */
import { defaultAccessFields } from '../observe/access-line.ts'
import { defaultAuthorizeFields } from '../observe/authorize-line.ts'
import { logLevels } from '../observe/levels.ts'
import { claimHeaders, headerMap } from './map-types.ts'
import { signingKey } from './pem-types.ts'
import { duration, oneOf, wordList, yesOrNo } from './simple-types.ts'

export const upstreamSettings = {
  pass_identity_headers: yesOrNo().prefault(false).meta({
    doc: 'Tell upstreams who asks (`X-Pomerium-Jwt-Assertion` and the claim headers), unless the route says otherwise.',
  }),
  jwt_claims_headers: claimHeaders().prefault([]).meta({
    doc: 'Claims that go upstream as headers and into the assertion: a list, or a map of header name to claim.',
    pomerium: 'Header names keep their case; the JSON text of a map is read as a map.',
  }),
  signing_key: signingKey().optional().meta({
    doc: 'Key that signs the assertion; further keys in the same PEM are published, too. `signing_key_file` names a file instead.',
    secret: true,
    shownDefault: 'derived from `shared_secret`',
  }),
  jwt_issuer_format: oneOf(['hostOnly', 'uri'], { prefix: 'Issuer' })
    .prefault('hostOnly')
    .meta({ blankIsUnset: true, doc: '`iss` of the assertion: `app.example.com` or `https://app.example.com/`.' }),
  set_response_headers: headerMap().optional().meta({
    doc: 'Headers of every answer, over those of the upstream. A name `disable` empties the map.',
    env: 'HEADERS',
    shownDefault:
      '`X-Frame-Options: SAMEORIGIN`, `X-XSS-Protection: 1; mode=block`, and HSTS where there are certificates',
  }),
  default_upstream_timeout: duration({ max: '576h' })
    .prefault('30s')
    .meta({ doc: 'How long an upstream may take for its answer where the route sets no `timeout`.' }),
  log_level: oneOf(logLevels).prefault('info').meta({ doc: 'The least level that is logged.' }),
  access_log_fields: wordList()
    .prefault([...defaultAccessFields])
    .meta({ doc: 'Fields of the access log.', shownDefault: defaultAccessFields.join(', ') }),
  authorize_log_fields: wordList()
    .prefault([...defaultAuthorizeFields])
    .meta({ doc: 'Fields of the authorize log.', shownDefault: defaultAuthorizeFields.join(', ') }),
}
