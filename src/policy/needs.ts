/** What can be said of a policy without a request. */

import type { Sides } from './decide.ts'
import type { CompiledBlock, CompiledItem } from './evaluate.ts'
import type { PolicyNeeds } from './policy.ts'

export function needsOf(sides: Sides): PolicyNeeds {
  const items = [...sides.allow, ...sides.deny].flatMap((block) => block.items)
  return {
    claims: new Set(items.flatMap(({ leaf }) => leaf.claims)),
    session: items.some(needsSession),
    admitsAnonymous: admitsAnonymous(sides),
    clientCertificate: items.some(({ name }) => name.includes('client_certificate')),
    headers: new Set(items.flatMap(headersOfItem)),
    query: new Set(items.flatMap(({ name }) => (name.startsWith('url_query/') ? [name.slice(10)] : []))),
    time: items.some(({ name }) => timed.has(name)),
  }
}

const timed = new Set(['date', 'day_of_week', 'time_of_day', 'auth_age', 'acr'])

function headersOfItem({ name }: CompiledItem): readonly string[] {
  if (name.startsWith('header/')) return [name.slice(7).toLowerCase()]
  if (name === 'user_agent') return ['user-agent']
  return name === 'cors_preflight' ? ['origin', 'access-control-request-method'] : []
}

/**
 * Each criterion about the user is false for nobody, and its reason leads to sign-in wherever it survives; all other
 * criteria are taken to be free. So false is a proof, and true means "perhaps".
 */
function admitsAnonymous({ allow, deny }: Sides): boolean {
  return allow.some(mayHold) && !allow.some(alwaysAsks) && !deny.some(alwaysHoldsOrAsks)
}

const needsSession = ({ leaf }: CompiledItem) => leaf.needsSession
const mayBe = (value: boolean) => (item: CompiledItem) => !needsSession(item) && item.leaf.always !== !value

/** The block may be true for nobody without asking for a user. */
function mayHold({ kind, items }: CompiledBlock): boolean {
  switch (kind) {
    case 'and':
      return items.every(mayBe(true))
    case 'or':
      return items.some(mayBe(true))
    case 'not':
      return items.every(mayBe(false))
    case 'nor':
      return !items.some(needsSession) && items.some(mayBe(false))
  }
}

/** Under allow: the block is true for nobody whatever the request is, by a reason that asks for a user. */
function alwaysAsks({ kind, items }: CompiledBlock): boolean {
  return (kind === 'nor' && items.some(needsSession)) || (kind === 'not' && items.every(needsSession))
}

/** Under deny: for nobody the block is true, or false by a reason that asks for a user, whatever the request is. */
function alwaysHoldsOrAsks(block: CompiledBlock): boolean {
  const { kind, items } = block
  switch (kind) {
    case 'and':
      return items.some(needsSession) || items.every(({ leaf }) => leaf.always === true)
    case 'or':
      return items.some(needsSession) || items.some(({ leaf }) => leaf.always === true)
    case 'not':
      return items.every((item) => needsSession(item) || item.leaf.always === false)
    case 'nor':
      return items.some((item) => needsSession(item) || item.leaf.always === false)
  }
}
