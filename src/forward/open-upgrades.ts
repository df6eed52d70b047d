/** Upgraded connections that are open now, so that they can be cut when what let them in no longer holds. */
import type { Visit } from '../listener/visit.ts'
import type { Session } from '../session/session.ts'

/** 1001: the proxy goes away (restart). 1008: whoever sits there may no longer (RFC 6455 §7.4.1). */
export type CloseCode = 1001 | 1008

export interface OpenUpgrade {
  readonly routeId: string
  /** The handshake, to decide about it again. */
  readonly visit: Visit
  readonly session: Session | undefined
  /** Says goodbye where the protocol allows it at this moment, and ends the connection; a second call does nothing. */
  close(code: CloseCode): void
}

/** One for the process; it outlives snapshots. Bounded by the sockets that the listener admits. */
export class OpenUpgrades {
  readonly #open = new Set<OpenUpgrade>()
  #judge: (upgrade: OpenUpgrade) => CloseCode | undefined = () => undefined

  get size(): number {
    return this.#open.size
  }

  /** Registers it; what no longer holds by now (a reload or the end came during its handshake) is closed at once. */
  add(upgrade: OpenUpgrade): void {
    this.#open.add(upgrade)
    const code = this.#judge(upgrade)
    if (code !== undefined) upgrade.close(code)
  }

  /** From now on `judge` says of each new one whether it has to be closed. */
  judgeBy(judge: (upgrade: OpenUpgrade) => CloseCode | undefined): void {
    this.#judge = judge
  }

  /** Judges those again for which `concerns` holds, and closes what no longer holds. */
  judgeAgain(concerns: (upgrade: OpenUpgrade) => boolean): void {
    for (const upgrade of [...this.#open]) {
      const code = concerns(upgrade) ? this.#judge(upgrade) : undefined
      if (code !== undefined) upgrade.close(code)
    }
  }

  delete(upgrade: OpenUpgrade): void {
    this.#open.delete(upgrade)
  }

  /** Closes those for which `ends` holds; returns how many. */
  closeWhere(ends: (upgrade: OpenUpgrade) => boolean, code: CloseCode): number {
    let closed = 0
    for (const upgrade of [...this.#open]) {
      if (!ends(upgrade)) continue
      upgrade.close(code)
      closed++
    }
    return closed
  }
}
