/** The answer to somebody whom the policy does not let in: a page for people, JSON or plain text for programs. */
import { catalog } from '../errors/catalog.ts'
import type { Visit } from '../listener/visit.ts'
import type { Answer } from './answer.ts'
import { jsonAnswer, pageAnswer, textAnswer } from './answers.ts'
import { errorWord } from './error-answer.ts'
import { type DeniedPage, deniedPage } from './pages/denied.ts'
import { type Reader, readerOf } from './reader.ts'

export interface Denial
  extends Pick<DeniedPage, 'who' | 'application' | 'description' | 'reasons' | 'signInAsElse' | 'session' | 'now'> {
  readonly visit: Visit
  /** 403 where it is not said. */
  readonly status?: number
  readonly reader?: Reader
  /** Origins that signing out and in again leads over. */
  readonly formTargets?: readonly string[]
  readonly responseHeaders?: readonly string[]
}

export function deniedAnswer(denial: Denial): Answer {
  const { visit, reasons, responseHeaders, formTargets } = denial
  const { status: usual, text, advice } = catalog.POLICY_DENIED
  const status = denial.status ?? usual
  const options = {
    status,
    headers: ['x-pomerium-intercepted-response', 'true', 'x-request-id', visit.id],
    ...(responseHeaders && { responseHeaders }),
    ...(formTargets && { formTargets }),
  }
  switch (denial.reader ?? readerOf(visit)) {
    case 'json': {
      const more = reasons.length > 0 ? { reasons } : {}
      return jsonAnswer(
        { error: errorWord(status), code: 'POLICY_DENIED', text, ...more, request_id: visit.id },
        options,
      )
    }
    case 'text':
      return textAnswer(`${[text, ...reasons, advice, `Request id: ${visit.id}`].join('\n')}\n`, options)
    case 'person': {
      const address = `${visit.scheme}://${visit.authority}${visit.path}`
      return pageAnswer(deniedPage({ ...denial, status, address, method: visit.method, requestId: visit.id }), options)
    }
  }
}
