import type { Criterion } from '../criterion.ts'

const missing = { value: true, reason: 'client-certificate-required' }
const invalid = { value: true, reason: 'invalid-client-certificate' }
const valid = { value: false, reason: 'valid-client-certificate' }

export const invalidClientCertificate: Criterion = {
  name: 'invalid_client_certificate',
  doc: 'The client presented no certificate, or one that is not valid; where it keeps somebody out, the answer is status 495. Always false where no authority for client certificates is configured.',
  accepts: 'anything; it is ignored',
  needsSession: false,
  reasons: [missing.reason, invalid.reason, valid.reason],
  variesBy: 'clientAuthority',
  compile({ clientAuthority }) {
    return {
      needsSession: false,
      claims: [],
      check({ clientCertificate }) {
        if (!clientAuthority) return valid
        if (clientCertificate === undefined) return missing
        return clientCertificate.valid ? valid : invalid
      },
      saw: ({ clientCertificate }) => clientCertificate?.fingerprint,
    }
  },
}
