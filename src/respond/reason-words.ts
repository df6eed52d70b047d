/** Reasons of a policy in plain words, for `show_error_details`; the codes stay in the log. */
import type { Decision } from '../policy/decision.ts'

/** Why something was not allowed. */
const missing: Readonly<Record<string, string>> = {
  'user-unauthorized': 'Your account is not among those that are let in.',
  'email-unauthorized': 'Your e-mail address is not among those that are let in.',
  'domain-unauthorized': 'The domain of your e-mail address is not among those that are let in.',
  'groups-unauthorized': 'You are in none of the groups that are let in.',
  'claim-unauthorized': 'What the sign-in service says about you does not match what is asked for.',
  'user-unauthenticated': 'Nobody is signed in.',
  'source-ip-unauthorized': 'Your network address is not among those that are let in.',
  'http-method-unauthorized': 'This kind of request (its method) is not let in.',
  'http-path-unauthorized': 'This part of the application is not let in.',
  'non-cors-request': 'The request is no preflight of a browser.',
  'client-certificate-unauthorized': 'Your client certificate is not among those that are let in.',
  'client-certificate-required': 'A client certificate is asked for, and none was sent.',
  'invalid-client-certificate': 'Your client certificate is not valid here.',
  'device-unauthorized': 'This device is not among those that are let in.',
  'device-unauthenticated': 'This device is not registered.',
  reject: 'The rules refuse everybody here.',
}

/** Why something was refused by a rule that names it. */
const forbidden: Readonly<Record<string, string>> = {
  'user-ok': 'Your account is among those that are kept out.',
  'email-ok': 'Your e-mail address is among those that are kept out.',
  'domain-ok': 'The domain of your e-mail address is among those that are kept out.',
  'groups-ok': 'You are in a group that is kept out.',
  'claim-ok': 'What the sign-in service says about you is kept out.',
  'source-ip-ok': 'Your network address is among those that are kept out.',
  'http-method-ok': 'This kind of request (its method) is kept out.',
  'http-path-ok': 'This part of the application is kept out.',
  accept: 'The rules refuse everybody here.',
}

/** Sentences for a decision that lets nobody in; each one once, in the order of the policy. */
export function reasonWords({ allow, deny }: Decision): string[] {
  const reasons = deny.value ? deny.reasons : allow.reasons
  const words = deny.value ? { ...missing, ...forbidden } : missing
  const sentences = reasons.map((reason) => words[reason] ?? `The rules say: ${reason.replaceAll('-', ' ')}.`)
  return [...new Set(sentences)]
}
