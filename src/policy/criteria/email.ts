import { certainEmail, doubtfulEmails } from '../email-address.ts'
import { addressCriterion } from './address-of-user.ts'

export const email = addressCriterion({
  name: 'email',
  doc: "The user's e-mail address. An address that the provider calls unverified lets nobody in.",
  certain: certainEmail,
  doubtful: doubtfulEmails,
})
