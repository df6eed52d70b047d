/** What outlives a reload: connections, memory of sessions, sign-ins under way. Each part is bounded; ARCHITECTURE.md lists them. */
import { rememberRandomKeys } from '../config/settle.ts'
import { SingleUse } from '../endpoints/single-use.ts'
import { OpenUpgrades } from '../forward/open-upgrades.ts'
import { UpstreamPools } from '../forward/upstream-pools.ts'
import { IdTokens } from '../identity/id-tokens.ts'
import { LogSink } from '../observe/log-sink.ts'
import { TrafficHistory } from '../observe/traffic.ts'
import type { ProxyFor } from '../outbound/environment-proxy.ts'
import { RevokedSessions } from '../session/revoked-sessions.ts'
import { SessionUpkeep } from '../session/session-upkeep.ts'
import type { BrokerAccess } from './broker-route.ts'
import { KeptProvider } from './compile-provider.ts'
import { KeptDecisionFile } from './decision-file.ts'
import { ShadowCounts } from './shadow.ts'

export interface Kept {
  readonly pools: UpstreamPools
  readonly upgrades: OpenUpgrades
  readonly revoked: RevokedSessions
  /** Sessions whose provider can be asked again, with their refresh tokens. */
  readonly upkeep: SessionUpkeep
  /** Attempts and hand-overs that were used. */
  readonly used: SingleUse
  readonly idTokens: IdTokens
  readonly provider: KeptProvider
  readonly sink: LogSink
  readonly decisionFile: KeptDecisionFile
  readonly shadows: ShadowCounts
  readonly traffic: TrafficHistory
  /** The broker of this process, where there is one; set before the first snapshot is compiled. */
  broker: BrokerAccess | undefined
  /** Secrets that the configuration leaves out: made once for each process. */
  readonly randomKey: ReturnType<typeof rememberRandomKeys>
}

/** `proxyFor`: which proxy leads to the provider, by the environment. */
export function openKept({ proxyFor }: { readonly proxyFor?: ProxyFor } = {}): Kept {
  const upgrades = new OpenUpgrades()
  const revoked = new RevokedSessions()
  revoked.onRevoked((id) => upgrades.closeWhere(({ session }) => session?.id === id, 1008))
  const upkeep = new SessionUpkeep({ revoked })
  upkeep.onChanged((id) => upgrades.judgeAgain(({ session }) => session?.id === id))
  return {
    pools: new UpstreamPools(),
    upgrades,
    revoked,
    upkeep,
    used: new SingleUse(),
    idTokens: new IdTokens(),
    provider: new KeptProvider(proxyFor),
    sink: new LogSink(),
    decisionFile: new KeptDecisionFile(),
    shadows: new ShadowCounts(),
    traffic: new TrafficHistory(),
    broker: undefined,
    randomKey: rememberRandomKeys(),
  }
}
