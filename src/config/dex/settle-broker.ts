/** Values of Dex's keys to the broker's settings: files read, parts checked against one another, defaults of ours. */
import { placeOf, valueAt } from '../node.ts'
import { printPath } from '../problem.ts'
import { adminSocketOf, longestSocket } from './admin-socket.ts'
import { readAuthorities, readPair } from './broker-files.ts'
import type { BrokerValues } from './broker-sections.ts'
import type { BrokerSettings } from './broker-settings.ts'
import { checkBroker } from './check-broker.ts'
import type { Settling } from './checking.ts'
import { clientsOf } from './client-settings.ts'
import { withFiles } from './connector-files.ts'
import { staticPasswordsOf } from './connectors/local.ts'
import { expandsVariables } from './expand-variables.ts'
import { withNamedConnectors } from './named-connectors.ts'
import { readConnectors } from './read-connectors.ts'
import { storageSettings } from './storage-settings.ts'

/** The whole, or undefined where a part of it is wrong (which was reported). */
export async function settleBroker(values: BrokerValues, settling: Settling): Promise<BrokerSettings | undefined> {
  const { findings, tidy, environment, lenient, path, at } = settling
  const expanded = expandsVariables(environment) ? environment : undefined
  const whole = tidy.span
  const declared = readConnectors(valueAt(tidy, 'connectors'), {
    ...{ path: [...path, 'connectors'], findings, lenient, environment: expanded },
  })
  const connectors = await withNamedConnectors(declared, values.connectorFiles ?? [], settling)
  const storage = await storageSettings(valueAt(tidy, 'storage'), { ...settling, environment: expanded, whole })
  const staticClients = clientsOf(values.staticClients ?? [], {
    ...{ root: path, path: ['staticClients'], findings, environment, at },
  })
  const staticPasswords = staticPasswordsOf(values.staticPasswords ?? [], {
    env: (name) => environment[name],
    fail(expected, { path: inner = [], found, hint } = {}) {
      const message = `expected ${expected}${found === undefined ? '' : `, got ${found}`}`
      const where = ['staticPasswords', ...inner]
      findings.error({ kind: 'value', path: printPath([...path, ...where]), message, hint, span: at(where) })
    },
  })
  const web = await settleWeb(values.web, settling)
  const grpc = await settleGrpc(values.grpc, settling)
  checkBroker(values, { ...settling, connectors, clients: staticClients })
  const { issuer, oauth2, expiry, sessions, signer, frontend, enablePasswordDB, admin } = values
  // Each of them is missing only where it was wrong.
  if (issuer === undefined || oauth2 === undefined || expiry === undefined || sessions === undefined) return undefined
  if (signer === undefined || frontend === undefined || enablePasswordDB === undefined) return undefined
  if (admin === undefined || storage === undefined || web === undefined) return undefined
  const adminSocket = adminSocketOf(admin.socket, { ...settling, storage })
  if (adminSocket !== undefined && Buffer.byteLength(adminSocket) > longestSocket)
    findings.error({
      kind: 'value',
      path: printPath([...path, 'admin', 'socket']),
      message: `expected a path of at most ${longestSocket} octets, got ${Buffer.byteLength(adminSocket)}`,
      hint: 'no system takes a longer one for a socket',
      span: at(['admin', 'socket']),
    })
  const { theme, issuer: title, logoURL } = frontend
  return {
    issuer,
    storage,
    web,
    grpc,
    expiry: { ...expiry, signingKeys: signer.config.keysRotationPeriod ?? expiry.signingKeys },
    signer: { algorithm: signer.config.algorithm },
    oauth2: {
      grantTypes: oauth2.grantTypes,
      skipApprovalScreen: oauth2.skipApprovalScreen,
      alwaysShowLoginScreen: oauth2.alwaysShowLoginScreen,
      pkceEnforce: oauth2.pkce.enforce,
    },
    sessions: {
      absoluteLifetime: sessions.absoluteLifetime,
      validIfNotUsedFor: sessions.validIfNotUsedFor,
      rememberMeCheckedByDefault: sessions.rememberMeCheckedByDefault,
    },
    staticClients,
    connectors: await withFiles(connectors, settling),
    enablePasswordDB,
    staticPasswords,
    frontend: { issuer: title, logoURL, theme: theme === 'light' || theme === 'dark' ? theme : undefined },
    adminSocket,
    source: placeOf(whole),
  }
}

async function settleWeb(web: BrokerValues['web'], settling: Settling): Promise<BrokerSettings['web'] | undefined> {
  if (web === undefined) return undefined
  const { tlsCert, tlsKey } = web.https ? web : { tlsCert: '', tlsKey: '' }
  const unread = web.https ? undefined : (['tlsCert', 'tlsKey'] as const).find((key) => web[key] !== '')
  if (unread !== undefined)
    settling.findings.warn({
      kind: 'ignored',
      path: printPath([...settling.path, 'web', unread]),
      message: `"${unread}" is ignored: nothing is served with it without web.https`,
      span: settling.at(['web', unread]),
    })
  const pair = await readPair(
    { cert: { file: tlsCert, path: ['web', 'tlsCert'] }, key: { file: tlsKey, path: ['web', 'tlsKey'] } },
    settling,
  )
  const { header, trustedProxies } = web.clientRemoteIP ?? { header: '', trustedProxies: [] }
  return {
    http: web.http || undefined,
    https: web.https || undefined,
    tls: pair === undefined ? undefined : { ...pair, minVersion: web.tlsMinVersion === '1.3' ? '1.3' : '1.2' },
    allowedOrigins: web.allowedOrigins,
    allowedHeaders: web.allowedHeaders,
    headers: Object.fromEntries(
      Object.entries(web.headers).flatMap(([name, value]) =>
        value === undefined || value === '' ? [] : [[name, value] as const],
      ),
    ),
    clientRemoteIP: header === '' ? undefined : { header, trustedProxies },
  }
}

async function settleGrpc(grpc: BrokerValues['grpc'], settling: Settling): Promise<BrokerSettings['grpc']> {
  if (grpc === undefined || grpc.addr === '') return undefined
  const pair = await readPair(
    {
      cert: { file: grpc.tlsCert, path: ['grpc', 'tlsCert'] },
      key: { file: grpc.tlsKey, path: ['grpc', 'tlsKey'] },
    },
    settling,
  )
  const clientCA = await readAuthorities({ file: grpc.tlsClientCA, path: ['grpc', 'tlsClientCA'] }, settling)
  return {
    addr: grpc.addr,
    tls: pair === undefined || clientCA === undefined ? undefined : { ...pair, clientCA },
  }
}
