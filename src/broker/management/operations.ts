/** What may be asked over the administration socket: names, the form of what is asked, and the call behind each. */
import { z } from 'zod'
import type { JsonObject, JsonValue } from '../store/store.ts'
import { type Management, ManagementError } from './management.ts'

interface Operation {
  /** Written down by whoever serves it, done or refused: it changes something, tells secrets, or tries a password. */
  readonly isAudited: boolean
  /** Checks what was asked, and does it. What it answers is JSON; undefined becomes null. */
  run(management: Management, asked: unknown): Promise<unknown>
}

const text = z.string().max(8_192)
const texts = z.array(text).max(1_000)
/** Depth was checked before: see `parseBounded`. */
const object = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
const version = z.union([z.number().int().nonnegative(), text])

const change = z.strictObject({
  id: text,
  type: text.exactOptional(),
  name: text.exactOptional(),
  version: version.exactOptional(),
  config: object.exactOptional(),
  groups: object.exactOptional(),
  grantTypes: texts.exactOptional(),
})
const how = z.strictObject({ force: z.boolean(), dryRun: z.boolean().exactOptional() })
const clientRules = z.strictObject({
  postLogoutRedirectUris: texts.exactOptional(),
  backchannelLogoutUri: text.exactOptional(),
  refreshTokenLifetime: z.enum(['standalone', 'session']).exactOptional(),
  allowedConnectors: texts.exactOptional(),
  pkce: z.enum(['required', 'optional']).exactOptional(),
  groups: z.strictObject({ allow: texts, map: z.record(text, text), prefix: text }).exactOptional(),
})
const client = z.strictObject({
  id: text.exactOptional(),
  name: text.exactOptional(),
  secret: text.exactOptional(),
  redirectUris: texts.exactOptional(),
  trustedPeers: texts.exactOptional(),
  public: z.boolean().exactOptional(),
  logoUrl: text.exactOptional(),
  rules: clientRules.exactOptional(),
})
const clientChange = client.omit({ secret: true, public: true }).extend({ id: text })
const byId = z.strictObject({ id: text })
const byEmail = z.strictObject({ email: text })
const nothing = z.strictObject({})

function look<T>(schema: z.ZodType<T>, call: (management: Management, asked: T) => Promise<unknown>): Operation {
  return { isAudited: false, run: async (management, asked) => await call(management, read(schema, asked)) }
}

function audited<T>(schema: z.ZodType<T>, call: (management: Management, asked: T) => Promise<unknown>): Operation {
  return { ...look(schema, call), isAudited: true }
}

/** `POST /v1/NAME` with what is asked as JSON. `testConnector` streams and stands beside this table. */
export const operations = {
  listConnectors: audited(nothing, (management) => management.listConnectors()),
  getConnector: audited(byId, (management, { id }) => management.getConnector(id)),
  createConnector: audited(z.strictObject({ change, how }), (management, asked) =>
    management.createConnector(asked.change, asked.how),
  ),
  updateConnector: audited(z.strictObject({ change, how }), (management, asked) =>
    management.updateConnector(asked.change, asked.how),
  ),
  deleteConnector: audited(byId, (management, { id }) => management.deleteConnector(id)),
  listClients: look(nothing, (management) => management.listClients()),
  getClient: audited(
    z.strictObject({ id: text, showSecret: z.boolean().exactOptional() }),
    (management, { id, showSecret = false }) => management.getClient(id, { showSecret }),
  ),
  createClient: audited(client, (management, asked) => management.createClient(asked)),
  updateClient: audited(clientChange, (management, asked) => management.updateClient(asked)),
  deleteClient: audited(byId, (management, { id }) => management.deleteClient(id)),
  listPasswords: look(nothing, (management) => management.listPasswords()),
  createPassword: audited(
    z.strictObject({ email: text, hash: text, username: text, userId: text, groups: texts.exactOptional() }),
    (management, asked) => management.createPassword(asked),
  ),
  updatePassword: audited(
    z.strictObject({
      email: text,
      hash: text.exactOptional(),
      username: text.exactOptional(),
      groups: texts.exactOptional(),
    }),
    (management, asked) => management.updatePassword(asked),
  ),
  deletePassword: audited(byEmail, (management, { email }) => management.deletePassword(email)),
  verifyPassword: audited(z.strictObject({ email: text, password: text }), (management, { email, password }) =>
    management.verifyPassword(email, password),
  ),
  listRefreshTokens: look(z.strictObject({ subject: text }), (management, { subject }) =>
    management.listRefreshTokens(subject),
  ),
  revoke: audited(
    z.strictObject({ subject: text, clientId: text.exactOptional() }),
    (management, { subject, clientId }) => management.revoke(subject, clientId),
  ),
  discovery: look(nothing, (management) => management.discovery()),
  lifetimes: look(nothing, (management) => management.lifetimes()),
  version: look(nothing, (management) => management.version()),
} as const satisfies Record<string, Operation>

export type OperationName = keyof typeof operations

export function isOperation(name: string): name is OperationName {
  return Object.hasOwn(operations, name)
}

const test = z.strictObject({ id: text, user: text.exactOptional() })

export function readTest(asked: unknown): { readonly id: string; readonly user?: string } {
  return read(test, asked)
}

/** Says where something is wrong, and never what stood there: it may be a secret. */
function read<T>(schema: z.ZodType<T>, asked: unknown): T {
  const result = schema.safeParse(asked)
  if (result.success) return result.data
  const where = result.error.issues.slice(0, 10).map(({ path, code }) => `${path.join('.') || 'the whole'}: ${code}`)
  throw new ManagementError('invalid', 'cannot read what is asked: it has another form', { details: where })
}

const DEEPEST = 40

/** JSON that is not deeper than anything real, so that whoever walks through it later has stack enough. */
export function parseBounded(json: string): unknown {
  let asked: unknown
  try {
    asked = JSON.parse(json)
  } catch {
    throw new ManagementError('invalid', 'cannot read what is asked: it is no JSON')
  }
  let level: JsonValue[] = [asked as JsonValue]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST)
      throw new ManagementError('invalid', `cannot read what is asked: deeper than ${DEEPEST} levels`)
    level = level.flatMap((value): JsonValue[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    )
  }
  return asked
}
