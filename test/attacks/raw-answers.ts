/** Reads what a server wrote as a row of HTTP/1.1 answers, strictly: what does not fit is an answer with status 0. */

export interface Answer {
  /** 0: octets that are no answer. */
  readonly status: number
  /** Names in lower case; repeated ones joined by a line feed. */
  readonly fields: ReadonlyMap<string, string>
  readonly body: string
  /** False where it was cut off. */
  readonly whole: boolean
}

/** `methods` of the requests in order: HEAD has no body. */
export function readAnswers(text: string, methods: readonly string[] = []): Answer[] {
  const answers: Answer[] = []
  let rest = text
  let asked = 0
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    const [, digits] = /^HTTP\/1\.1 ([1-5][0-9]{2}) [\x20-\x7e]*\r\n/.exec(rest) ?? []
    if (digits === undefined || end === -1) {
      const isBegun = 'HTTP/1.1 '.startsWith(rest.slice(0, 9)) && end === -1
      answers.push({ status: 0, fields: new Map(), body: rest, whole: !isBegun })
      return answers
    }
    const status = Number(digits)
    const fields = fieldsOf(rest.slice(rest.indexOf('\r\n') + 2, end))
    rest = rest.slice(end + 4)
    if (status < 200) {
      answers.push({ status, fields, body: status === 101 ? rest : '', whole: true })
      if (status === 101) return answers
      continue
    }
    const method = methods[asked++] ?? 'GET'
    const { body, size, whole } = bodyOf(rest, { status, fields, method })
    rest = rest.slice(size)
    answers.push({ status, fields, body, whole })
  }
  return answers
}

function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : `${before}\n${value}`)
  }
  return fields
}

interface Head {
  readonly status: number
  readonly fields: ReadonlyMap<string, string>
  readonly method: string
}

function bodyOf(rest: string, { status, fields, method }: Head): { body: string; size: number; whole: boolean } {
  if (method === 'HEAD' || status === 204 || status === 304) return { body: '', size: 0, whole: true }
  if (fields.get('transfer-encoding') === 'chunked') return chunkedOf(rest)
  const length = fields.get('content-length')
  if (length === undefined) return { body: rest, size: rest.length, whole: false }
  const size = Math.min(Number(length), rest.length)
  return { body: rest.slice(0, size), size, whole: size === Number(length) }
}

function chunkedOf(rest: string): { body: string; size: number; whole: boolean } {
  let body = ''
  let at = 0
  for (;;) {
    const end = rest.indexOf('\r\n', at)
    const size = Number.parseInt(rest.slice(at, end), 16)
    if (end === -1 || Number.isNaN(size) || rest.length < end + size + 4)
      return { body, size: rest.length, whole: false }
    body += rest.slice(end + 2, end + 2 + size)
    at = end + size + 4
    if (size === 0) return { body, size: at, whole: true }
  }
}
