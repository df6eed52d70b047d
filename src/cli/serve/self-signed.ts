/** The certificate of a door that was given none: made at most once for each process. */
import { makeSelfSigned } from '../../crypto/issue-certificate.ts'
import type { CertificatePair } from '../../listener/certificates.ts'

export class SelfSigned {
  #made: CertificatePair | undefined

  /** The certificate, once it was made. */
  get pair(): CertificatePair | undefined {
    return this.#made
  }

  /** Makes it, unless it is there: clients that have decided to trust it should have to do so once. */
  async make(now: number): Promise<CertificatePair> {
    if (this.#made) return this.#made
    const { certificate, key } = await makeSelfSigned({ names: ['*', 'localhost', '127.0.0.1', '::1'], now })
    this.#made = { certPem: certificate, keyPem: key }
    return this.#made
  }
}
