import { certainDomain, doubtfulDomains } from '../email-address.ts'
import { addressCriterion } from './address-of-user.ts'

export const domain = addressCriterion({
  name: 'domain',
  doc: "The domain of the user's e-mail address. An address that is unverified, or that can be cut in more ways than one, lets nobody in.",
  certain: certainDomain,
  doubtful: doubtfulDomains,
})
