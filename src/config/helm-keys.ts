/** The names of the chart's values (34.0.1 and the older ones that people still have), and which of them say nothing to us. */

interface Ignored {
  readonly path: string
  readonly why: string
}

const kubernetes = 'it names something in Kubernetes, which cannot be read from here'

/** Values that point to Secrets and ConfigMaps: what they hold must be given in another way. */
export const secretsElsewhere: readonly Ignored[] = [
  ...[
    'config.existingSecret',
    'config.existingPolicy',
    'config.existingSharedSecret',
    'config.existingSigningKeySecret',
    'extraEnvFrom',
    'extraTLSSecrets',
    'authenticate.existingExternalTLSSecret',
  ].map((path) => ({
    path,
    why: kubernetes,
  })),
]

/** Values whose meaning is gone. */
export const removedValues: readonly Ignored[] = [
  ...['serviceAccount', 'serviceAccountYAML'].map((key) => ({
    path: `authenticate.idp.${key}`,
    why: "groups come from the provider's claims, no directory is asked",
  })),
  { path: 'config.insecureProxy', why: 'it means something with the ingress controller only' },
  { path: 'databroker.storage.tlsSkipVerify', why: 'sessions live in cookies' },
  { path: 'redis.enabled', why: 'sessions live in cookies' },
  { path: 'tracing.enabled', why: 'tracing is not supported yet' },
  { path: 'forwardAuth.enabled', why: 'requests go through the proxy itself' },
  { path: 'extraArgs', why: 'they belong to another program' },
]

const names = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))

/** Only Kubernetes needs them. */
export const ignoredValues = names(
  'ingress service resources priorityClassName affinity tolerations nodeSelector podAnnotations podLabels replicaCount extraArgs extraVolumes extraVolumeMounts annotations imagePullSecrets image serviceMonitor rbac nameOverride fullnameOverride global podSecurityContext securityContext topologySpreadConstraints initContainers extraContainers operator',
)

/** The known keys of each map of the values that has a fixed set of them, by its path. */
export const chartKeys: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    '',
    names(
      'config authenticate authorize databroker proxy apiProxy ingressController forwardAuth extraEnv extraEnvFrom extraTLSSecrets metrics tracing redis cache broker',
    ),
  ],
  [
    'config',
    names(
      'rootDomain routes policy insecure insecureProxy extraOpts existingSecret existingPolicy existingSharedSecret existingSigningKeySecret existingCASecret existingConfig existingLegacyTLSSecret sharedSecret cookieSecret signingKey generateSigningKey generateTLS generateTLSAnnotations forceGenerateTLS forceGenerateServiceSecrets administrators ca configSecretAnnotations generateSigningKeyAnnotations services',
    ),
  ],
  [
    'authenticate',
    names(
      'name nameOverride fullnameOverride proxied redirectUrl idp existingExternalTLSSecret existingTLSSecret databrokerServiceUrl deployment service serviceAccount autoscaling pdb replicaCount tls ingress cacheServiceUrl extraEnv affinity resources',
    ),
  ],
  ['authenticate.idp', names('provider clientID clientSecret url scopes serviceAccount serviceAccountYAML')],
])
