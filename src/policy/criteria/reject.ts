import { constantCriterion } from './constant.ts'

export const reject = constantCriterion({
  name: 'reject',
  doc: 'Always false: it lets nobody in, and under `deny` it keeps nobody out (leave the route without `allow` for that).',
  value: false,
})
