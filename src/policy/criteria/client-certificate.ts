import { type Criterion, outcomesOf } from '../criterion.ts'
import type { ClientCertificate, Facts } from '../facts.ts'
import { certificateOperand } from '../matchers/certificate.ts'

const { ok, unauthorized } = outcomesOf({ name: 'client_certificate' })

/** Names in a certificate that nobody vouches for are only claimed: they help nobody, but may harm who claims them. */
export const clientCertificate: Criterion = {
  name: 'client_certificate',
  doc: 'The certificate that the client presented. Whether it is valid is asked by `invalid_client_certificate`; the names in a certificate that is not valid let nobody in.',
  accepts: certificateOperand.doc,
  needsSession: false,
  reasons: [ok.reason, unauthorized.reason],
  variesBy: 'helps',
  compile({ operand, helps, report }) {
    const matches = certificateOperand.compile(operand, report)
    const see = helps ? vouchedFor : (facts: Facts) => facts.clientCertificate
    return {
      needsSession: false,
      claims: [],
      check(facts) {
        const certificate = see(facts)
        return certificate !== undefined && matches(certificate) ? ok : unauthorized
      },
      saw: see,
    }
  },
}

function vouchedFor({ clientCertificate: presented }: Facts): ClientCertificate | undefined {
  return presented === undefined || presented.valid ? presented : { ...presented, sanDns: [], sanEmail: [], sanUri: [] }
}
