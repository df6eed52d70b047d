/** A route behind an earlier one that takes all its requests. */
import { pathRuleOf } from '../../config/route-draft.ts'
import type { RouteSettings } from '../../config/schema.ts'
import { compileHostPattern } from '../../route/host-pattern.ts'
import { type Origin, parseOrigin } from '../../route/origin.ts'
import type { LintRule, Remark } from '../lint-rule.ts'
import { literalStart, takesEverything } from '../regex-text.ts'

export const hiddenRoute: LintRule = {
  name: 'hidden-route',
  doc: 'Routes of one host are tried in the order of the file, and the first that takes the path wins, not the longest prefix. A later route that an earlier one takes everything from is never reached. So it is with host patterns.',
  bad: `- from: https://wiki.corp.test
  allowed_domains: [corp.test]
- from: https://wiki.corp.test
  prefix: /admin/
  allowed_groups: [operations]`,
  rewrite: `- from: https://wiki.corp.test
  prefix: /admin/
  allowed_groups: [operations]
- from: https://wiki.corp.test
  allowed_domains: [corp.test]`,
  find: ({ settings }) => {
    const reached: Placed[] = []
    const remarks: Remark[] = []
    const byHost = new Map<string, Placed[]>()
    for (const route of settings.routes) {
      const placed = { route, origin: parseOrigin(route.from) }
      const rivals = isPattern(placed.origin) ? reached : listAt(byHost, hostKey(placed.origin))
      const hiding = rivals.find((earlier) => hides(earlier, placed))
      if (hiding === undefined) rivals.push(placed)
      else remarks.push(remark(route, hiding.route))
    }
    return remarks
  },
}

interface Placed {
  readonly route: RouteSettings
  readonly origin: Origin
}

/** The same sentence as the configuration's reader has for the plain case, so that it is told once. */
function remark(route: RouteSettings, hiding: RouteSettings): Remark {
  return {
    owner: route,
    path: ['from'],
    message: `no request can reach this route: ${hiding.source.path} is matched first`,
    hint: `move it above ${hiding.source.path}, or remove it`,
  }
}

const isPattern = ({ host }: Origin) => host.includes('*')
const hostKey = ({ host, port }: Origin) => `${host}:${port}`

function hides(earlier: Placed, later: Placed): boolean {
  return takesHostsOf(earlier.origin, later.origin) && takesPathsOf(earlier.route, later.route)
}

/** A star of the later pattern is a letter like any other to the earlier one, so only a star of its own can stand for it. */
function takesHostsOf(earlier: Origin, later: Origin): boolean {
  const port = earlier.port === '' || earlier.port === later.port
  return port && compileHostPattern(earlier.host)(later.host)
}

/** Only what is certain: patterns are compared by their text and by what they must begin with. */
function takesPathsOf(earlier: RouteSettings, later: RouteSettings): boolean {
  const a = pathRuleOf(earlier)
  const b = pathRuleOf(later)
  switch (a.kind) {
    case 'prefix':
      return a.text === '/' || (b.kind === 'regex' ? literalStart(b.text) : b.text).startsWith(a.text)
    case 'path':
      return b.kind === 'path' && b.text === a.text
    case 'regex':
      return takesEverything(a.text) || (b.kind === 'regex' && b.text === a.text)
  }
}

function listAt(map: Map<string, Placed[]>, key: string): Placed[] {
  const list = map.get(key) ?? []
  map.set(key, list)
  return list
}
