/** The address matcher: an IP address or CIDR range, or a list of them. */
import type { Operand } from '../criterion.ts'
import { shown } from '../problem.ts'
import { type AddressTest, addressBits, parseRange } from './ip.ts'

export const addressOperand: Operand<string> = {
  doc: 'an IPv4 or IPv6 address or CIDR range, or a list of them',
  compile(operand, report) {
    if (typeof operand !== 'string' && !Array.isArray(operand)) {
      report([], `cannot read address: expected a text or a list, got ${shown(operand)}`)
      return () => false
    }
    const isList = Array.isArray(operand)
    const ranges = (isList ? operand : [operand]).flatMap((text: unknown, index): readonly AddressTest[] => {
      const range = typeof text === 'string' ? parseRange(text) : undefined
      if (range) return [range]
      report(isList ? [index] : [], `cannot read address: expected an IP address or a CIDR range, got ${shown(text)}`)
      return []
    })
    return (address) => {
      const bits = addressBits(address)
      return bits !== undefined && ranges.some((holds) => holds(bits))
    }
  },
}
