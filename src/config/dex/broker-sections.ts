/** The keys of Dex's configuration, declared once: types, defaults and docs/broker-reference.md come from here. */
import type { z } from 'zod'
import { settingType } from '../setting-type.ts'
import { clientSections } from './client-section.ts'
import { staticPasswordEntries } from './connectors/local.ts'
import { goCount, goDuration, goFlag, goOneOf, goSecret, goSection, goText, goTexts } from './go-types.ts'

/** Anything: what it means depends on a key beside it. */
export const goAnything = (name: string) => settingType(name, (raw): unknown => raw)

/** Of storages that are not there. */
const otherStorage = 'use sqlite3 (one instance), postgres (several) or memory'

export const storageSection = () =>
  goSection({
    type: goText().meta({
      doc: "`sqlite3`, `postgres` or `memory`. Dex's `mysql`, `etcd` and `kubernetes` are refused.",
    }),
    config: goAnything('map').prefault({}).meta({ doc: 'As below, by type. Variables are put in as in connectors.' }),
  })

export const storageTypes = ['sqlite3', 'postgres', 'memory'] as const
export const refusedStorages: Readonly<Record<string, string>> = {
  mysql: otherStorage,
  etcd: otherStorage,
  kubernetes: `${otherStorage}; it would need a service account that may write to the cluster's API`,
}

export const sqliteSection = goSection({
  file: goText().meta({ doc: 'Path of the file, from the working directory; `:memory:` is the storage `memory`.' }),
})

const pooled = 'connections are opened when needed, and closed after a while without use'

export const postgresSection = goSection(
  {
    host: goText()
      .prefault('localhost')
      .meta({ blankIsUnset: true, doc: 'Host name, or the folder of a Unix socket.' }),
    port: goCount({ min: 0, max: 65535 }).prefault(5432).meta({ doc: 'TCP port.' }),
    database: goText().meta({ doc: 'Name of the database; tables are made there.' }),
    user: goText().meta({ doc: 'Who connects.' }),
    password: goSecret().optional().meta({ doc: 'The password of `user`.', secret: true }),
    connectionTimeout: goCount({ min: 0, max: 3600 }).prefault(10).meta({ doc: 'Seconds; 0 is the default, too.' }),
    maxOpenConns: goCount({ min: 0, max: 1000 })
      .prefault(5)
      .meta({ doc: 'Connections at a time; 0 is the default, too.' }),
    ssl: goSection({
      mode: goOneOf(['disable', 'require', 'verify-ca', 'verify-full']).prefault('verify-full').meta({
        doc: '`require` checks nothing of the certificate, `verify-ca` its authority, `verify-full` its name as well.',
      }),
      caFile: goText().prefault('').meta({ doc: 'Authorities to trust (PEM), instead of the usual ones.' }),
      certFile: goText().prefault('').meta({ doc: 'A client certificate (PEM).' }),
      keyFile: goText().prefault('').meta({ doc: 'The key of `certFile` (PEM).' }),
    })
      .prefault({})
      .meta({ doc: 'TLS to the database.' }),
  },
  { ignored: { maxIdleConns: pooled, connMaxLifetime: pooled } },
)

const newestTls = 'the newest version that both sides know is taken'
const minVersion = () => goOneOf(['', '1.2', '1.3']).prefault('1.2').meta({ doc: 'The oldest version of TLS.' })

const web = goSection(
  {
    http: goText().optional().meta({
      doc: '`HOST:PORT` to serve on without TLS. Without `http` and `https` the broker is served by the proxy, on the host of the issuer.',
    }),
    https: goText().optional().meta({ doc: '`HOST:PORT` to serve on with TLS.' }),
    tlsCert: goText().prefault('').meta({ doc: 'Path of the certificate with its chain (PEM).' }),
    tlsKey: goText().prefault('').meta({ doc: 'Path of its key (PEM).' }),
    tlsMinVersion: minVersion(),
    allowedOrigins: goTexts().prefault([]).meta({
      doc: 'Origins whose scripts may read discovery, keys, userinfo, and the answers about tokens and devices; `*` for all.',
    }),
    allowedHeaders: goTexts().prefault(['Authorization']).meta({ doc: 'Headers that those scripts may send.' }),
    headers: goSection({
      'Content-Security-Policy': goText().optional().meta({ doc: 'Sent beside our own.' }),
      'X-Frame-Options': goText().optional().meta({ doc: 'Whether pages may stand in frames.' }),
      'X-Content-Type-Options': goText().optional().meta({ doc: '`nosniff`, which is always sent.' }),
      'X-XSS-Protection': goText().optional().meta({ doc: 'For browsers of long ago.' }),
      'Strict-Transport-Security': goText().optional().meta({ doc: 'How long browsers insist on https.' }),
    })
      .prefault({})
      .meta({ doc: 'Headers of every answer.' }),
    clientRemoteIP: goSection({
      header: goText().prefault('').meta({ doc: 'The header that names the client, such as `X-Forwarded-For`.' }),
      trustedProxies: goTexts().prefault([]).meta({ doc: 'Networks (CIDR) whose word is taken for it.' }),
    })
      .optional()
      .meta({ doc: 'Whose address attempts to sign in are counted by, behind other proxies.' }),
  },
  { ignored: { tlsMaxVersion: newestTls } },
)

const grpc = goSection(
  {
    addr: goText().prefault('').meta({ doc: "`HOST:PORT` of Dex's gRPC API. Empty: it is not served." }),
    tlsCert: goText().prefault('').meta({ doc: 'Path of the certificate with its chain (PEM).' }),
    tlsKey: goText().prefault('').meta({ doc: 'Path of its key (PEM).' }),
    tlsClientCA: goText().prefault('').meta({
      doc: 'Path of the authorities (PEM) of client certificates: the only proof of who calls. Needed unless `addr` is loopback.',
    }),
  },
  {
    ignored: {
      tlsMinVersion: 'TLS 1.2 is the oldest version',
      tlsMaxVersion: newestTls,
      reflection: 'the API describes itself to nobody',
    },
  },
)

/** 0 is "no limit" for these. */
const lifetime = (doc: string) => goDuration().prefault('0').meta({ doc, shownDefault: 'no limit' })

const expiry = goSection({
  idTokens: goDuration().prefault('24h').meta({ doc: 'How long ID tokens and access tokens are good.' }),
  authRequests: goDuration().prefault('24h').meta({ doc: 'How long a sign-in may take.' }),
  deviceRequests: goDuration().prefault('5m').meta({ doc: 'How long a device waits for its code to be typed in.' }),
  signingKeys: goDuration().prefault('6h').meta({ doc: 'How long a key signs. It can be checked against for longer.' }),
  refreshTokens: goSection({
    disableRotation: goFlag().prefault(false).meta({ doc: 'A refresh token stays the same when it is used.' }),
    reuseInterval: goDuration().prefault('0').meta({
      doc: 'How long a token that was used gives the same answer again, for answers that got lost.',
      shownDefault: '`0s`',
    }),
    validIfNotUsedFor: lifetime('A refresh token that was not used for so long is void.'),
    absoluteLifetime: lifetime('A refresh token is void after so long, used or not.'),
  })
    .prefault({})
    .meta({ doc: 'Refresh tokens.' }),
})

/** Grants by the names that Dex lists them under. */
export const grantTypes = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:grant-type:token-exchange',
] as const

const oauth2 = goSection(
  {
    grantTypes: goTexts()
      .prefault([])
      .meta({
        doc: `What may be exchanged for tokens: ${grantTypes.map((grant) => `\`${grant}\``).join(', ')}; empty: all of them. \`implicit\`, \`password\` and \`client_credentials\` are refused.`,
      }),
    responseTypes: goTexts().prefault(['code']).meta({
      doc: 'Only `code`. The others hand tokens through the address of a page (RFC 9700 §2.1.2) and are refused.',
    }),
    skipApprovalScreen: goFlag().prefault(false).meta({
      doc: 'Ask nobody for consent: right where all applications are your own.',
    }),
    alwaysShowLoginScreen: goFlag()
      .prefault(false)
      .meta({ doc: 'Offer the choice also where there is one connector only.' }),
    pkce: goSection({
      enforce: goFlag().prefault(false).meta({ doc: 'No sign-in without a challenge (RFC 7636), whoever asks.' }),
      codeChallengeMethodsSupported: goTexts().prefault(['S256']).meta({ doc: 'Only `S256`; `plain` proves nothing.' }),
    })
      .prefault({})
      .meta({ doc: 'Proof that the code is redeemed by whoever began.' }),
  },
  {
    refused: {
      passwordConnector:
        'the password grant hands passwords to applications, and must not be used (RFC 9700 §2.4): use the code flow, or the device flow where there is no browser',
    },
  },
)

const signer = goSection({
  type: goText().prefault('local').meta({ doc: "`local`. Dex's `vault` is refused." }),
  config: goSection({
    keysRotationPeriod: goDuration().optional().meta({ doc: 'The newer name of `expiry.signingKeys`.' }),
    algorithm: goOneOf(['RS256', 'ES256']).prefault('RS256').meta({ doc: 'How tokens are signed.' }),
  })
    .prefault({})
    .meta({ doc: 'Of the local signer.' }),
})

const ourCookie = 'the session cookie has a name and key of ours'

const sessions = goSection(
  {
    absoluteLifetime: goDuration().prefault('24h').meta({ doc: 'How long a session in the browser lives.' }),
    validIfNotUsedFor: goDuration().prefault('1h').meta({ doc: 'How long it lives without being used.' }),
    rememberMeCheckedByDefault: goFlag().prefault(true).meta({
      doc: 'Whether "remember me" is checked. Otherwise the session ends with the browser.',
    }),
    ssoSharedWithDefault: goOneOf(['', 'all']).prefault('all').meta({ doc: 'Every application shares the session.' }),
  },
  { ignored: { cookieName: ourCookie, cookieEncryptionKey: ourCookie } },
)

const frontend = goSection(
  {
    issuer: goText()
      .prefault('')
      .meta({ doc: 'What the broker calls itself on its pages.', shownDefault: 'the host of the issuer' }),
    logoURL: goText().prefault('').meta({ doc: 'A picture on its pages.' }),
    theme: goText().prefault('').meta({ doc: '`light` or `dark`; otherwise as the browser wants it.' }),
  },
  { ignored: { dir: 'pages are built in', extra: 'pages are built in' } },
)

/** The whole of it, by top-level key, in the order of the reference page. */
export const brokerShape = {
  issuer: goText().meta({
    doc: "The broker's own address, byte for byte: a trailing slash counts. Its path comes before all of the broker's paths.",
  }),
  storage: storageSection().optional().meta({
    doc: 'Where sessions, tokens, keys and what management made are kept.',
    shownDefault: '`sqlite3`, `ostiary-broker.sqlite3` beside the file',
  }),
  web: web.prefault({}).meta({ doc: 'Where the broker is served.' }),
  connectors: goAnything('list of maps').optional().meta({ doc: 'Where people come from; see below.' }),
  connectorFiles: goTexts().prefault([]).meta({
    doc: '*Only here.* Files with more of them, such as a Secret that Kubernetes mounts: one connector, a list, or what Pachyderm keeps under `upstream-idps`. They are read again at each reload.',
  }),
  staticClients: clientSections().prefault([]).meta({ doc: 'The applications.' }),
  enablePasswordDB: goFlag().prefault(false).meta({ doc: "Accounts of the broker's own: the connector `local`." }),
  staticPasswords: staticPasswordEntries.prefault([]).meta({ doc: 'Such accounts; management can make more.' }),
  oauth2: oauth2.prefault({}).meta({ doc: 'What the protocol allows.' }),
  expiry: expiry.prefault({}).meta({ doc: 'How long things are good; durations such as `24h`.' }),
  sessions: sessions.prefault({}).meta({ doc: 'The session in the browser.' }),
  signer: signer.prefault({}).meta({ doc: 'Who signs tokens.' }),
  frontend: frontend.prefault({}).meta({ doc: 'How pages look.' }),
  grpc: grpc.prefault({}).meta({ doc: "Dex's API for management by other programs." }),
  admin: goSection({
    socket: goText().optional().meta({
      doc: 'Path of the Unix socket that `ostiary idp` speaks to; only its owner can. Empty: none.',
      shownDefault: '`ostiary.sock` beside the SQLite file, otherwise in `$RUNTIME_DIRECTORY` or `$XDG_RUNTIME_DIR`',
    }),
  })
    .prefault({})
    .meta({ doc: '*Only here.* Management on this machine.' }),
}

/** All keys, and those of Dex that are not among them. */
export const brokerSection = goSection(brokerShape, {
  refused: {
    mfa: 'a second factor belongs to the source behind the connector',
  },
  ignored: {
    telemetry:
      'health is told at healthz below the issuer, and by health_check_addr of the proxy; there are no metrics',
    logger: 'how much is logged is said by log_level of the proxy, or by --log-level of `ostiary broker`',
    additionalFeatures: 'nothing has to be switched on; what is not supported is refused by name',
  },
})

type BrokerShape = typeof brokerShape

/** The values before they are put together: a key is missing where its value was wrong. */
export type BrokerValues = { readonly [K in keyof BrokerShape]?: z.output<BrokerShape[K]> }
