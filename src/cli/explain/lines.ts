/** Cuts a stream into lines, within bounds. */
import { StringDecoder } from 'node:string_decoder'

/** Longer lines are no question and no log line of ours. */
const longest = 1024 * 1024

/** The lines without their ends, empty ones left out; an overlong line comes as undefined. */
export async function* linesOf(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<string | undefined> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let isOverlong = false
  for await (const chunk of chunks) {
    rest += typeof chunk === 'string' ? chunk : decoder.write(chunk)
    let start = 0
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', start)) {
      const line = rest.slice(start, end).trim()
      start = end + 1
      if (isOverlong) yield undefined
      else if (line !== '') yield line
      isOverlong = false
    }
    rest = rest.slice(start)
    if (rest.length > longest) {
      isOverlong = true
      rest = ''
    }
  }
  const last = (rest + decoder.end()).trim()
  if (isOverlong) yield undefined
  else if (last !== '') yield last
}
