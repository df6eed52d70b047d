/** A configuration in two versions and a log of what the first one decided, for the commands that compare. */
import type { Visit } from '#src/listener/visit.ts'
import { openDecisionLog } from '#src/observe/decision-log.ts'
import { compilePolicy } from '#src/policy/compile-policy.ts'
import type { Session } from '#src/session/session.ts'
import { sessionOf } from '#test/policy/session-of.ts'
import { visit } from '#test/respond/exchanges.ts'
import { head } from '#test/trial/settings-of.ts'

export const before = `${head}routes:
  - from: https://hello.corp.test
    name: hello
    to: http://127.0.0.1:1
    allowed_groups:
      - devops
  - from: https://wiki.corp.test
    name: wiki
    to: http://127.0.0.1:1
    policy:
      - allow:
          or:
            - domain: corp.test
`
export const after = before
  .replace('- devops', '- finance')
  .replace(
    '            - domain: corp.test\n',
    '            - domain: corp.test\n        deny:\n          or:\n            - email: mallory@corp.test\n',
  )

export const noon = Date.UTC(2026, 0, 7, 12)

function person(name: string, groups: readonly string[]): Session {
  const email = `${name}@corp.test`
  return sessionOf(`id-${name}`, { sub: `id-${name}`, email, groups }, { issuedAt: noon - 60_000 })
}

export const people = {
  alice: person('alice', ['devops']),
  bob: person('bob', ['finance']),
  mallory: person('mallory', []),
} as const

/** What the first version decided, as its decision log has it. */
export function loggedLines(): string {
  const lines: string[] = []
  const sink = { head: (line: string) => void lines.push(line), write: (line: string) => void lines.push(line) }
  const hello = compilePolicy({ allowed_groups: ['devops'] })
  const wiki = compilePolicy({ allowed_domains: ['corp.test'] })
  const log = openDecisionLog(sink, hello.needs, noon)
  let number = 0
  const asked = (policy: typeof hello, name: 'hello' | 'wiki', session: Session | undefined) => {
    number++
    const seen: Visit = visit({
      id: `request-${number}`,
      host: `${name}.corp.test`,
      authority: `${name}.corp.test`,
      path: '/',
    })
    const now = noon + number
    const { method, path, host, headers, query, clientAddress } = seen
    const decision = policy.decide({
      ...{ method, path, host, headers, query, clientAddress, session, now },
      clientCertificate: undefined,
    })
    log.write(seen, { route: { name, id: `route-${name}` }, session, decision, now })
  }
  for (let times = 0; times < 3; times++) asked(hello, 'hello', people.alice)
  asked(hello, 'hello', people.bob)
  asked(hello, 'hello', undefined)
  asked(wiki, 'wiki', people.mallory)
  asked(wiki, 'wiki', people.alice)
  return lines.join('')
}
