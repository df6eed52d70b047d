/** One sign-in under way: found by its id, and only in the browser that began it. */
import type { IncomingMessage } from 'node:http'
import type { Interaction, default as Provider } from 'oidc-provider'
import type { KnownIdentity } from '../provider/identities.ts'
import { printKnown } from '../provider/identities.ts'
import type { AttemptCookies } from './attempt-cookies.ts'

/** There is no such attempt (any more) for this browser. */
export class AttemptOver extends Error {}

const uidShape = /^[\w-]{16,64}$/

/** @throws AttemptOver */
export async function findAttempt(
  request: IncomingMessage,
  {
    uid,
    provider,
    cookies,
  }: { readonly uid: string | null; readonly provider: Provider; readonly cookies: AttemptCookies },
): Promise<Interaction> {
  if (uid === null || !uidShape.test(uid)) throw new AttemptOver('the address names no attempt')
  if (!cookies.isBound(request, uid)) throw new AttemptOver('the attempt is of another browser')
  const attempt = await provider.Interaction.find(uid)
  if (!attempt) throw new AttemptOver('the attempt has ended')
  return attempt
}

/** A text parameter of the application's request, '' where it has none. */
export function parameterOf(attempt: Interaction, name: string): string {
  const value = attempt.params[name]
  return typeof value === 'string' ? value : ''
}

/** What the application asked for that makes a difference to the source. */
export function wantedScopes(attempt: Interaction): { readonly groups: boolean; readonly offlineAccess: boolean } {
  const scopes = parameterOf(attempt, 'scope').split(' ')
  return { groups: scopes.includes('groups'), offlineAccess: scopes.includes('offline_access') }
}

/** Somebody has proved who they are: the answer is kept with the attempt. Returns where it goes on. */
export async function answerAttempt(
  attempt: Interaction,
  {
    known,
    remember,
    amr,
  }: { readonly known: KnownIdentity; readonly remember: boolean; readonly amr: readonly string[] },
): Promise<string> {
  return answer(attempt, {
    login: {
      accountId: known.subject,
      remember,
      ts: Math.floor(Date.now() / 1000),
      ...(amr.length > 0 && { amr: [...amr] }),
    },
    select_account: {},
    identity: printKnown(known),
  })
}

/** Any other answer, laid over what was answered before. */
export async function answer(attempt: Interaction, result: Readonly<Record<string, unknown>>): Promise<string> {
  attempt.result = 'error' in result ? result : { ...attempt.lastSubmission, ...result }
  await attempt.save(Math.max(1, attempt.exp - Math.floor(Date.now() / 1000)))
  return attempt.returnTo
}
