/** Every other global key that Pomerium knows, and what becomes of it: nothing is dropped without a word. */

/** How a key that is no setting of ours is treated. */
export type KnownKey =
  /** Would change what the proxy does: refused, unless it holds one of these values, which say what it does anyway. */
  | {
      readonly kind: 'unsupported'
      readonly off: readonly string[]
      readonly hint?: string
      readonly evenEmpty?: boolean
    }
  /** Has no meaning in one process, or none without something unsupported: accepted with a warning. */
  | { readonly kind: 'ignored'; readonly why: string }
  /** Pomerium refuses it, too. */
  | { readonly kind: 'removed'; readonly hint: string }

const unsupported = (off: readonly string[] = [], hint?: string): KnownKey => ({
  kind: 'unsupported',
  off: ['', ...off],
  ...(hint === undefined ? {} : { hint }),
})
const ignored = (why: string): KnownKey => ({ kind: 'ignored', why })
const removed = (hint: string): KnownKey => ({ kind: 'removed', hint })
const each = (names: string, key: KnownKey): [string, KnownKey][] => names.split(/\s+/).map((name) => [name, key])

const oneProcess = ignored('everything runs in one process')
const noEnvoy = ignored('there is no Envoy inside')
const old = (what: string) => ignored(`it was removed from Pomerium; ${what}`)

export const knownKeys: ReadonlyMap<string, KnownKey> = new Map([
  // checked flag by flag
  ...each('runtime_flags', unsupported()),
  // servers and TLS
  ...each('autocert', unsupported(['false'], 'give certificates by certificates: or certificate_file:')),
  ...each(
    'autocert_ca autocert_email autocert_use_staging autocert_eab_key_id autocert_eab_mac_key autocert_must_staple autocert_dir autocert_trusted_ca autocert_trusted_ca_file',
    ignored('it means something with autocert only'),
  ),
  ...each('override_certificate_name tls_derive', oneProcess),
  ...each('downstream_mtls', unsupported()),
  ...each('codec_type', unsupported(['auto', 'codec_type_auto'])),
  ...each('use_proxy_protocol', unsupported(['false'])),
  ...each('allow_upgrades circuit_breaker_thresholds dns_resolvers', unsupported()),
  ...each(
    'dns_lookup_family dns_refresh_rate dns_failure_refresh_rate dns_query_timeout dns_query_tries dns_udp_max_queries dns_use_tcp',
    ignored('names are looked up by the operating system'),
  ),
  ...each(
    'envoy_admin_address envoy_admin_access_log_path envoy_admin_profile_path envoy_dynamic_extensions envoy_bind_config_source_address envoy_bind_config_freebind',
    noEnvoy,
  ),
  // services
  ...each(
    'services',
    unsupported(['all', 'authenticate,authorize,databroker,proxy'], 'one process does all of it: leave services out'),
  ),
  ...each(
    'authenticate_internal_service_url authorize_service_url authorize_service_urls authorize_internal_service_url databroker_service_url databroker_service_urls databroker_internal_service_url',
    oneProcess,
  ),
  ...each(
    'databroker_cluster_leader_id databroker_cluster_node_id databroker_cluster_nodes databroker_raft_bind_address grpc_address grpc_insecure grpc_client_timeout',
    oneProcess,
  ),
  ...each('databroker_storage_type', unsupported(['memory'])),
  ...each(
    'databroker_storage_connection_string databroker_storage_connection_string_file',
    ignored('sessions live in cookies'),
  ),
  // identity
  ...each('cookie_http_only', unsupported(['true'], 'cookies are always HttpOnly: leave cookie_http_only out')),
  ...each('idp_access_token_allowed_audiences identity_providers jwt_groups_filter branding', unsupported()),
  ...each('bearer_token_format', unsupported(['default', 'bearer_token_format_default'])),
  ...each('programmatic_redirect_domain_whitelist', unsupported(['localhost'])),
  ...each(
    'mcp_allowed_client_id_domains mcp_allowed_as_metadata_domains',
    ignored('it means something for MCP routes only'),
  ),
  ...each(
    'google_cloud_serverless_authentication_service_account',
    ignored('it means something for Cloud Run routes only'),
  ),
  // operations
  ...each('proxy_log_level', ignored('there is one log, see log_level')),
  ...each('metrics_address', unsupported()),
  ...each(
    'metrics_basic_auth metrics_certificate metrics_certificate_key metrics_certificate_file metrics_certificate_key_file metrics_client_ca metrics_client_ca_file',
    ignored('it means something with metrics_address only'),
  ),
  ...each(
    'debug_address health_check_systemd_disabled auto_apply_changesets installation_id',
    ignored('there is nothing here that it would change'),
  ),
  ...each('otel_traces_exporter', unsupported(['none'])),
  ...each(
    'otel_traces_sampler_arg otel_exporter_otlp_endpoint otel_exporter_otlp_traces_endpoint otel_exporter_otlp_protocol otel_exporter_otlp_traces_protocol otel_exporter_otlp_headers otel_exporter_otlp_traces_headers otel_exporter_otlp_timeout otel_exporter_otlp_traces_timeout otel_resource_attributes otel_log_level otel_attribute_value_length_limit otel_bsp_schedule_delay otel_bsp_max_export_batch_size',
    ignored('it means something with otel_traces_exporter only'),
  ),
  ...each('ssh_address', unsupported()),
  ...each(
    'ssh_host_key_files ssh_host_keys ssh_user_ca_key_file ssh_user_ca_key ssh_rls_enabled ssh_rls_additional_entries session_recording_concurrency blob_storage',
    ignored('it means something for SSH only'),
  ),
  // what Pomerium itself refuses
  ...each('client_ca client_ca_file', removed('it became downstream_mtls: {ca: …}, which is not supported yet')),
  ...each(
    'idp_service_account idp_refresh_directory_timeout idp_refresh_directory_interval idp_qps',
    removed("leave it out: groups come from the provider's claims (ask for them by idp_scopes)"),
  ),
  ...each(
    'tracing_provider tracing_sample_rate tracing_datadog_address tracing_jaeger_collector_endpoint tracing_jaeger_agent_endpoint tracing_zipkin_endpoint',
    removed('it became otel_traces_exporter and its like, which is not supported yet'),
  ),
  ...each('policy_file', removed('write the routes into this file, or give a second --config FILE that holds routes:')),
  // what Pomerium has forgotten
  ...each('administrators', old('nobody has more rights than the routes give')),
  ...each('pomerium_debug debug', old('use log_level')),
  ...each('headers', old('use set_response_headers')),
  ...each('forward_auth_url', old('requests go through the proxy itself')),
  ...each('authenticate_callback_path', old('it is always /oauth2/callback')),
  ...each(
    'cache_service_url cache_internal_service_url redis_url databroker_storage_tls_skip_verify databroker_storage_cert_file databroker_storage_key_file databroker_storage_ca_file',
    old('sessions live in cookies'),
  ),
  ...each(
    'grpc_client_dns_roundrobin grpc_server_max_connection_age grpc_server_max_connection_age_grace',
    old('everything runs in one process'),
  ),
])

/** Runtime flags with the only value we keep; those that change nothing here have none. */
export const runtimeFlags: ReadonlyMap<string, boolean | undefined> = new Map([
  ['allow_any_sign_out_redirect_uri', false],
  ['config_hot_reload', true],
  ['match_any_incoming_port', true],
  ['pomerium_jwt_endpoint', false],
  ['refresh_session_at_id_token_expiration', true],
  ...'add_extra_metrics_labels authorize_use_synced_data debug_admin_endpoints envoy_resource_manager grpc_databroker_keepalive mcp mcp_dynamic_client_registration routes_portal set_envoy_concurrency_to_go_max_procs ssh_allow_direct_tcpip ssh_routes_portal ssh_upstream_tunnel'
    .split(' ')
    .map((name) => [name, undefined] as const),
])

/** The variables of nested keys that Pomerium reads; all of them belong to something unsupported. */
export const nestedVariables: ReadonlyMap<string, string> = new Map(
  'ca ca_file crl crl_file enforcement match_subject_alt_names max_verify_depth'
    .split(' ')
    .map((name) => [`DOWNSTREAM_MTLS_${name.toUpperCase()}`, 'downstream_mtls']),
)

const inWriting = 'write it as rules under policy:'

/** The same for keys of routes. */
export const knownRouteKeys: ReadonlyMap<string, KnownKey> = new Map([
  ...each('redirect response depends_on upstream_tunnel', unsupported()),
  ...each(
    'regex_rewrite_pattern regex_rewrite_substitution host_rewrite_header host_path_regex_rewrite_pattern host_path_regex_rewrite_substitution rewrite_response_headers',
    unsupported(),
  ),
  ...each('sub_policies', unsupported([], inWriting)),
  ...each('idp_client_id idp_client_secret idp_access_token_allowed_audiences identity_providers', unsupported()),
  ...each('bearer_token_format', unsupported(['default', 'bearer_token_format_default'])),
  ...each('jwt_issuer_format', unsupported([], 'jwt_issuer_format is read at the top level only')),
  ...each(
    'tls_downstream_client_ca tls_downstream_client_ca_file tls_client_cert tls_client_key tls_client_cert_file tls_client_key_file',
    unsupported(),
  ),
  ...each('tls_upstream_allow_renegotiation', unsupported(['false'])),
  // `mcp: {client: {}}` and `mcp: {}` hold nothing and mean something.
  ...each('mcp', { kind: 'unsupported', off: [], evenEmpty: true }),
  ...each('allow_spdy enable_google_cloud_serverless_authentication', unsupported(['false'])),
  ...each('allow_upgrades', unsupported([], 'allow_websockets: true lets WebSocket through')),
  ...each('load_balancing_policy', unsupported(['round_robin', 'load_balancing_policy_round_robin'])),
  ...each('health_checks outlier_detection circuit_breaker_thresholds', unsupported()),
  ...each('kubernetes_service_account_token kubernetes_service_account_token_file', unsupported()),
  ...each('regex_priority_order', ignored('routes are matched in the order of the file')),
  ...each('tls_downstream_server_name', ignored('the certificate is chosen by the name the client asks for')),
  ...each('healthy_panic_threshold', ignored('it means something with health_checks only')),
  ...each('session_recording', ignored('it means something for SSH only')),
  ...each(
    'set_authorization_header',
    removed('use set_request_headers: {Authorization: "Bearer ${pomerium.id_token}"}'),
  ),
  ...each('groups', removed('use allowed_groups')),
  ...each('lb_policy lb_config', old('there is load_balancing_policy')),
])
