/** A browser's memory for these tests: takes set-cookie lines, gives the Cookie field back. */
import { setCookieName } from '#src/wire/cookies.ts'

/** The request headers of a browser that got `answers` (flat lists) one after the other; nothing else is sent. */
export function cookiesAfter(...answers: readonly (readonly string[])[]): string[] {
  const kept = new Map<string, string>()
  for (const line of answers.flatMap(setCookieLines)) {
    const name = setCookieName(line)
    if (/; Max-Age=0\b/.test(line)) kept.delete(name)
    else kept.set(name, line.slice(0, line.indexOf(';')))
  }
  return kept.size === 0 ? [] : ['cookie', [...kept.values()].join('; ')]
}

/** The values of all `set-cookie` in a flat header list. */
export function setCookieLines(headers: readonly string[]): string[] {
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1] === 'set-cookie')
}
