/** Why a connector in particular is not made or changed: its versions, and its trial. */
import { ProxyError } from '../../errors/proxy-error.ts'
import { ManagementError } from './management.ts'
import { taken } from './refusals.ts'

/** Where it comes from decides what can be done about it. */
export function connectorTaken(id: string, isDeclared: boolean): ManagementError {
  const wayOut = isDeclared
    ? 'it comes from the configuration file'
    : 'update-connector changes it; delete-connector makes room'
  return taken('connector', id, [wayOut])
}

export function connectorConflict(
  id: string,
  { old, next, got }: { old: number | string; next: number; got: number | string },
) {
  const wanted = typeof old === 'number' ? old + 1 : next
  const message = `cannot update connector "${id}": the new version must be ${wanted} (it is at ${old}), got ${got}`
  return new ManagementError('conflict', message, { details: ['look at it with get-connector, and update that'] })
}

/** What a trial came to: the sentence of a named failure, and what the system said. */
export function trialLines(error: unknown): readonly string[] {
  const why = error instanceof ProxyError ? error.message : `it failed in an unforeseen way (${nameOf(error)})`
  return [why, ...systemCodes(error, why)]
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

/** `ECONNREFUSED` and its like, of the causes, where they were not told: what a system says holds no secret. */
function systemCodes(error: unknown, told: string): readonly string[] {
  const codes = new Set<string>()
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++)
    if ('code' in cause && typeof cause.code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(cause.code))
      if (!/^(?:CONNECTOR|ACCOUNT)_/.test(cause.code) && !told.includes(cause.code)) codes.add(cause.code)
  return codes.size === 0 ? [] : [`the system says ${[...codes].join(', ')}`]
}
