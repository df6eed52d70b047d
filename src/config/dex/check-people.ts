/** Whether people can sign in as the configuration means it: accounts, sources, how long things are good. */
import { printPath } from '../problem.ts'
import type { BrokerValues } from './broker-sections.ts'
import { checkSources } from './check-sources.ts'
import { type Checking, error, warn } from './checking.ts'

export function checkPeople(values: BrokerValues, checking: Checking): void {
  checkLifetimes(values, checking)
  checkAccounts(values, checking)
  checkSources(values.issuer, checking)
  checkAllowedConnectors(checking)
}

/** Nothing that ends at once can be used. */
function checkLifetimes({ expiry, sessions, signer }: BrokerValues, checking: Checking): void {
  const spans = [
    ...(['idTokens', 'authRequests', 'deviceRequests', 'signingKeys'] as const).map(
      (key) => [['expiry', key], expiry?.[key]] as const,
    ),
    ...(['absoluteLifetime', 'validIfNotUsedFor'] as const).map((key) => [['sessions', key], sessions?.[key]] as const),
    [['signer', 'config', 'keysRotationPeriod'], signer?.config.keysRotationPeriod] as const,
  ]
  for (const [path, span] of spans)
    if (span !== undefined && span < 1000)
      error(path, { kind: 'value', message: 'expected a duration of 1s or more, got a shorter one' }, checking)
}

/** Applications know people by the `sub`, which is made of the id: who shares an id is one person to them. */
function checkIds(people: NonNullable<BrokerValues['staticPasswords']>, checking: Checking): void {
  const seen = new Map<string, number>()
  for (const [index, { userID: id }] of people.entries()) {
    const path = ['staticPasswords', index, 'userID']
    const first = seen.get(id)
    if (first === undefined) seen.set(id, index)
    if (first !== undefined) {
      const hint = 'give each of them a userID that is never given to anybody else'
      const message = `the same id as the entry ${first + 1}: applications take the two for one person`
      if (id === '')
        error(
          path,
          { kind: 'contradiction', message: `no id, as the entry ${first + 1}: they would be one person`, hint },
          checking,
        )
      else warn(path, { kind: 'doubtful', message, hint }, checking)
    } else if (id === '')
      warn(
        path,
        {
          kind: 'doubtful',
          message:
            'there is no userID: nobody else can be without one, and whoever comes after this person is taken for them by applications',
          hint: 'a userID added later makes a new person of them; do it while nobody knows them yet',
        },
        checking,
      )
  }
}

function checkAccounts(values: BrokerValues, checking: Checking): void {
  const { enablePasswordDB, staticPasswords = [] } = values
  checkIds(staticPasswords, checking)
  if (enablePasswordDB === undefined) return
  if (staticPasswords.length > 0 && !enablePasswordDB)
    error(
      ['staticPasswords'],
      { kind: 'contradiction', message: 'staticPasswords need enablePasswordDB: true', hint: 'set it, or remove them' },
      checking,
    )
  const double = enablePasswordDB ? checking.connectors.find(({ settings }) => settings.id === 'local') : undefined
  if (double !== undefined)
    checking.findings.error({
      kind: 'contradiction',
      path: printPath([...double.path, 'id']),
      message: '"local" is the id of the accounts that enablePasswordDB brings',
      hint: 'give this connector another id, or turn enablePasswordDB off',
      span: double.at(['id']),
    })
  const given = checking.tidy.entries.some(({ key }) => key === 'connectors')
  if (!enablePasswordDB && checking.connectors.length === 0 && !given)
    warn(
      [],
      {
        kind: 'doubtful',
        message: 'nobody can sign in yet: there are no connectors, and no accounts of the broker',
        hint: 'add connectors or enablePasswordDB: true, or make connectors with ostiary idp create-connector',
      },
      checking,
    )
}

function checkAllowedConnectors(checking: Checking): void {
  const { clients, connectors } = checking
  const known = new Set([...connectors.map(({ settings }) => settings.id), 'local'])
  for (const [number, { allowedConnectors }] of clients.entries())
    for (const [index, id] of allowedConnectors.entries())
      if (!known.has(id))
        warn(
          ['staticClients', number, 'allowedConnectors', index],
          { kind: 'doubtful', message: `there is no connector ${JSON.stringify(id.slice(0, 100))} in this file` },
          checking,
        )
}
