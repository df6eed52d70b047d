import { requestCriterion } from '../criterion.ts'
import { addressOperand } from '../matchers/address.ts'

export const sourceIp = requestCriterion({
  name: 'source_ip',
  doc: 'The address of the client: of the TCP peer, or what the trusted hops (`xff_num_trusted_hops`, `use_proxy_protocol`) say.',
  operand: addressOperand,
  see:
    () =>
    ({ clientAddress }) =>
      clientAddress,
})
