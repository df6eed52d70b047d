/** The policy language, in the order the reference lists it. */
import { accept } from './criteria/accept.ts'
import { acr } from './criteria/acr.ts'
import { authAge } from './criteria/auth-age.ts'
import { authenticatedUser } from './criteria/authenticated-user.ts'
import { claim } from './criteria/claim.ts'
import { clientCertificate } from './criteria/client-certificate.ts'
import { corsPreflight } from './criteria/cors-preflight.ts'
import { date } from './criteria/date.ts'
import { dayOfWeek } from './criteria/day-of-week.ts'
import { domain } from './criteria/domain.ts'
import { email } from './criteria/email.ts'
import { groups } from './criteria/groups.ts'
import { header } from './criteria/header.ts'
import { httpMethod } from './criteria/http-method.ts'
import { httpPath } from './criteria/http-path.ts'
import { invalidClientCertificate } from './criteria/invalid-client-certificate.ts'
import { record } from './criteria/record.ts'
import { reject } from './criteria/reject.ts'
import { sourceIp } from './criteria/source-ip.ts'
import { timeOfDay } from './criteria/time-of-day.ts'
import { urlQuery } from './criteria/url-query.ts'
import { user } from './criteria/user.ts'
import { userAgent } from './criteria/user-agent.ts'
import type { Criterion } from './criterion.ts'

export const criteria: readonly Criterion[] = [
  accept,
  reject,
  authenticatedUser,
  user,
  email,
  domain,
  groups,
  claim,
  acr,
  authAge,
  record,
  httpMethod,
  httpPath,
  urlQuery,
  header,
  userAgent,
  corsPreflight,
  sourceIp,
  clientCertificate,
  invalidClientCertificate,
  date,
  dayOfWeek,
  timeOfDay,
]

export const criterionByName: ReadonlyMap<string, Criterion> = new Map(criteria.map((item) => [item.name, item]))

/** Criteria that are known and refused, with the reason. */
export const refusedCriteria: ReadonlyMap<string, string> = new Map([
  ['device', 'device enrolment is not supported'],
  ['mcp_tool', 'MCP routes are not supported'],
  ['ssh_ca', 'SSH routes are not supported'],
  ['ssh_publickey', 'SSH routes are not supported'],
  ['ssh_username', 'SSH routes are not supported'],
  ['ssh_username_matches_claim', 'SSH routes are not supported'],
  ['ssh_username_matches_email', 'SSH routes are not supported'],
])
