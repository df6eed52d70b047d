/** Settings of one route: what it matches, where it goes, what it changes, who may. */
import { z } from 'zod'
import { publicAddress, upstreams, webUrl } from './address-types.ts'
import { claimMap, headerMap, headerNames } from './map-types.ts'
import { authorities } from './pem-types.ts'
import { pattern, policyDocument } from './route-types.ts'
import { policyToolRouteSettings } from './settings-policy-tools.ts'
import { duration, text, wordList, yesOrNo } from './simple-types.ts'

/** Names whose value the proxy works out for every request; a fixed one would break framing or the identity of the host. */
const ownHeaders = new Map([
  ['host', 'use host_rewrite or preserve_host_header for the Host'],
  ...['connection', 'content-length', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'keep-alive'].map(
    (name) => [name, 'a header that belongs to one connection (RFC 9110 §7.6.1)'] as const,
  ),
])

const matching = {
  from: publicAddress().meta({
    doc: 'The public address: scheme and host, with a port where one is to be matched. `*` stands for any text in the host.',
  }),
  to: upstreams()
    .optional()
    .meta({ doc: 'Where requests go: one address or several, each with a weight (`http://app:8080,3`) or none.' }),
  prefix: text().optional().meta({ doc: 'Matches paths that begin so; `/admin` also matches `/administrator`.' }),
  path: text().optional().meta({ doc: 'Matches this path only.' }),
  regex: pattern().optional().meta({ doc: 'Matches paths of which all fits the RE2 pattern.' }),
  name: text().optional().meta({ doc: 'Name in logs and pages.' }),
  description: text().optional().meta({ doc: 'One line for people; it stands on the page of a denial.' }),
  logo_url: webUrl().optional().meta({
    doc: 'Address of its picture. It is checked and kept, and shown nowhere yet: our pages load nothing from elsewhere.',
  }),
}

const changing = {
  prefix_rewrite: text().optional().meta({ doc: 'Takes the place of the matched `prefix` or `path`.' }),
  host_rewrite: text().optional().meta({ doc: 'The Host that the upstream sees.' }),
  preserve_host_header: yesOrNo().prefault(false).meta({ doc: 'The upstream sees the Host that the client sent.' }),
  set_request_headers: headerMap(ownHeaders).prefault({}).meta({
    doc: 'Headers for the upstream. Values may hold `${pomerium.id_token}` and its like.',
    pomerium: 'Header names keep their case; `${NAME}` without a dot is an environment variable.',
    secret: true,
  }),
  remove_request_headers: headerNames()
    .prefault([])
    .meta({ doc: 'Headers that the upstream does not get; wins over `set_request_headers`.' }),
  set_response_headers: headerMap()
    .prefault({})
    .meta({ doc: 'Headers of the answer, laid over the global ones. A name `disable` empties both.' }),
  pass_identity_headers: yesOrNo()
    .optional()
    .meta({ doc: 'Tell the upstream who asks.', shownDefault: 'the global `pass_identity_headers`' }),
}

const connecting = {
  allow_websockets: yesOrNo()
    .prefault(false)
    .meta({ doc: 'Let WebSocket upgrades through. Timeouts are then off unless set.' }),
  timeout: duration({ max: '576h' })
    .optional()
    .meta({ doc: 'How long the whole answer may take; 0s is no limit.', shownDefault: '`default_upstream_timeout`' }),
  idle_timeout: duration({ max: '576h' })
    .optional()
    .meta({ doc: 'How long nothing may move on a request; 0s is no limit.' }),
  tls_skip_verify: yesOrNo().prefault(false).meta({ doc: "Do not verify the upstream's certificate." }),
  tls_server_name: text().optional().meta({ doc: "Name to ask for and to find in the upstream's certificate." }),
  tls_upstream_server_name: text().optional().meta({ doc: 'The newer name of `tls_server_name`; wins over it.' }),
  tls_custom_ca: authorities()
    .optional()
    .meta({ doc: 'The only authorities trusted for this upstream. `tls_custom_ca_file` names a file instead.' }),
}

const access = {
  allow_public_unauthenticated_access: yesOrNo().prefault(false).meta({ doc: 'Everybody may, without signing in.' }),
  allow_any_authenticated_user: yesOrNo().prefault(false).meta({ doc: 'Whoever has signed in may.' }),
  allowed_users: wordList().prefault([]).meta({ doc: 'Users by e-mail address or subject.' }),
  allowed_domains: wordList().prefault([]).meta({ doc: 'Domains of verified e-mail addresses.' }),
  allowed_groups: wordList().prefault([]).meta({
    doc: 'Groups, as the claim `groups` names them.',
    pomerium: 'Removed there in 0.20; here it means `allowed_idp_claims: {groups: […]}`.',
  }),
  allowed_idp_claims: claimMap().prefault({}).meta({
    doc: 'Claims with the values that open the route; one match is enough.',
    pomerium: 'Claim names keep their case.',
  }),
  policy: policyDocument()
    .optional()
    .meta({ doc: 'Rules in the policy language: a map with allow and deny, or a list of them.' }),
  cors_allow_preflight: yesOrNo()
    .prefault(false)
    .meta({ doc: 'Let CORS preflight requests through without signing in.' }),
  show_error_details: yesOrNo().prefault(false).meta({ doc: 'Say on the page of a denial which rules were not met.' }),
}

/** One entry of `routes` (or of the older `policy`). */
export const routeSchema = z.object({ ...matching, ...changing, ...connecting, ...access, ...policyToolRouteSettings })
