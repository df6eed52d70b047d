/** Settings of the listeners: addresses, TLS, limits on time, what is refused in a request. */
import { listenAddress, requiredListenAddress } from './address-types.ts'
import { authorities, certificateChain, certificatePairs, privateKey } from './pem-types.ts'
import { count, duration, oneOf, yesOrNo } from './simple-types.ts'

export const listenerSettings = {
  address: requiredListenAddress().prefault(':443').meta({
    doc: 'Where the proxy listens, with TLS unless `insecure_server` is set.',
    reload: 'restart',
  }),
  insecure_server: yesOrNo().prefault(false).meta({
    doc: 'Listen without TLS, behind something that ends TLS. Public addresses stay https.',
    reload: 'restart',
  }),
  http_redirect_addr: listenAddress().optional().meta({
    doc: 'A second, plain listener that sends every request to https.',
    reload: 'restart',
  }),
  health_check_addr: requiredListenAddress().prefault('127.0.0.1:28080').meta({
    doc: 'Where `/startupz`, `/readyz` and `/healthz` answer.',
    reload: 'restart',
  }),
  certificates: certificatePairs().prefault([]).meta({
    doc: 'Certificates by file, chosen by server name (exact, then wildcard). Changed files are taken up by a reload.',
  }),
  certificate: certificateChain().optional().meta({
    doc: 'One certificate with its chain. `certificate_file` names a file instead.',
  }),
  certificate_key: privateKey().optional().meta({
    doc: 'The private key of `certificate`. `certificate_key_file` names a file instead.',
    secret: true,
  }),
  certificate_authority: authorities().optional().meta({
    doc: 'Authorities to trust besides the usual ones, for the provider and for upstreams without `tls_custom_ca`. `certificate_authority_file` names a file instead.',
  }),
  timeout_read: duration({ max: '24h' }).prefault('30s').meta({
    doc: 'How long the client may send nothing while its request is awaited; 408 after that. A slow upload that moves is not cut. 0s is no limit.',
    pomerium: 'There the whole request must have arrived by then, which cuts long uploads.',
  }),
  timeout_write: duration({ max: '576h' }).prefault('0s').meta({
    doc: 'How long any answer may take, also where `timeout` of the route is longer or off. 0s is no limit.',
  }),
  timeout_idle: duration({ max: '576h' }).prefault('5m').meta({
    doc: 'How long a connection may be idle between requests. 0s is no limit.',
  }),
  xff_num_trusted_hops: count({ min: 0, max: 64 }).prefault('0').meta({
    doc: 'How many proxies in front of this one are trusted to append to X-Forwarded-For.',
    pomerium: 'The address found this way is also the one that policies see.',
  }),
  skip_xff_append: yesOrNo().prefault(false).meta({ doc: 'Leave X-Forwarded-For as it was received.' }),
  normalize_path: yesOrNo().prefault(true).meta({ doc: 'Resolve `.` and `..` in the path before routes are matched.' }),
  merge_slashes: yesOrNo()
    .prefault(true)
    .meta({ doc: 'Make one slash of several in the path before routes are matched.' }),
  path_with_escaped_slashes_action: oneOf(
    ['reject_request', 'keep_unchanged', 'unescape_and_redirect', 'unescape_and_forward'],
    {
      prefix: 'PATH_WITH_ESCAPED_SLASHES_ACTION_',
    },
  )
    .prefault('reject_request')
    .meta({ blankIsUnset: true, doc: 'What happens to a path with `%2F` or `%5C`.' }),
  headers_with_underscores_action: oneOf(['reject_request', 'allow', 'drop_header'], {
    prefix: 'HEADERS_WITH_UNDERSCORES_ACTION_',
  })
    .prefault('reject_request')
    .meta({ blankIsUnset: true, doc: 'What happens to a request whose header names hold `_`.' }),
}
