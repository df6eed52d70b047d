/** What a client may say of its own rules, looked at before they are kept: what is kept is obeyed at every sign-in. */
import type { GroupRules } from '../../config/dex/group-rules.ts'
import { compileGroupRules } from '../group-rules.ts'
import { checkAddress, checkAddresses, checkConnectorId, checkName } from './checked-texts.ts'
import { type ClientRules, ManagementError } from './management.ts'

const MANY = 100

export function checkRules(rules: ClientRules): void {
  const { postLogoutRedirectUris, backchannelLogoutUri, allowedConnectors, groups } = rules
  checkAddresses('addresses after signing out', postLogoutRedirectUris)
  if (backchannelLogoutUri !== '') checkBackchannel(backchannelLogoutUri)
  if (allowedConnectors.length > MANY)
    throw new ManagementError('invalid', `cannot keep more than ${MANY} allowed connectors`)
  for (const id of allowedConnectors) checkConnectorId(id)
  checkGroups(groups)
}

/** We call it ourselves: nothing but http can be called. */
function checkBackchannel(address: string): void {
  checkAddress('the address that is told of a sign-out', address)
  if (/^https?:\/\//i.test(address)) return
  throw new ManagementError(
    'invalid',
    `cannot use the address that is told of a sign-out: expected https://, got ${JSON.stringify(address.slice(0, 80))}`,
  )
}

function checkGroups(groups: GroupRules): void {
  const { allow, map, prefix } = groups
  if (allow.length > MANY || Object.keys(map).length > 1_000)
    throw new ManagementError('invalid', 'cannot keep so many rules for groups: at most 100 patterns and 1000 names')
  for (const name of [prefix, ...Object.keys(map), ...Object.values(map)]) checkName('name of a group', name)
  try {
    compileGroupRules(groups)
  } catch (cause) {
    throw new ManagementError('invalid', 'cannot use the rules for groups: a pattern of allow is no RE2', { cause })
  }
}
