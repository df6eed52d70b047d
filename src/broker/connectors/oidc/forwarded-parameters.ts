/** Parameters of the application's sign-in request that go on to the source. */
import { isProtocolParameter } from '../../../wire/oauth-parameters.ts'

const longestValue = 1024

/**
 * Those that the settings name, each once: a second value is nobody's honest wish (RFC 6749 §3.1), and what belongs to
 * the protocol stays out even where the settings should name it.
 */
export function forwardedParameters(names: readonly string[], parameters: URLSearchParams): Record<string, string> {
  const chosen = names
    .filter((name) => !isProtocolParameter(name))
    .flatMap((name) => {
      const [value = '', ...more] = parameters.getAll(name)
      return value !== '' && value.length <= longestValue && more.length === 0 ? [[name, value] as const] : []
    })
  return Object.fromEntries(chosen)
}
