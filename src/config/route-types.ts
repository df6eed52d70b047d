/** Types that only routes have: RE2 patterns and policy documents. */
import { RE2JS } from 're2js'
import { isMap, settingType, textOf } from './setting-type.ts'

/** An RE2 pattern that compiles; the value is its text. '' is "not set". */
export const pattern = () =>
  settingType('RE2 pattern', (raw, fail): string | undefined => {
    const value = textOf(raw)
    if (value === undefined) fail('a pattern')
    if (value === undefined || value === '') return undefined
    try {
      RE2JS.compile(value)
    } catch (error) {
      // The engine's sentence may repeat the pattern; only its first half says what is wrong.
      const reason =
        error instanceof Error ? error.message.replace(/^error parsing regexp: /, '').split(':')[0] : 'unknown'
      fail('a pattern in RE2 syntax', { hint: `the pattern does not compile: ${reason}` })
    }
    return value
  })

/** Rules in the policy language as plain data; their meaning is checked by the policy station. */
export const policyDocument = () =>
  settingType('policy', (raw, fail): unknown => {
    if (!isMap(raw) && !Array.isArray(raw)) {
      const found = typeof raw === 'string' ? 'text' : undefined
      fail('a map with allow and deny, or a list of them', {
        ...(found === undefined ? {} : { found }),
        hint: 'write the rules as YAML, without | or quotes',
      })
    }
    return raw
  })
