import { constantCriterion } from './constant.ts'

export const accept = constantCriterion({
  name: 'accept',
  doc: 'Always true: everybody, signed in or not.',
  value: true,
})
