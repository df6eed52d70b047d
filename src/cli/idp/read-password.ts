/** A secret of one line, from standard input or typed without being shown. */
import { ManagementError } from '../../broker/management/management.ts'
import { wrongUse } from './target.ts'

const LIMIT = 4_096

/** What stands before the one line end; a second line is no part of a password. */
export async function readLine(input: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const piece of input) {
    text += Buffer.from(piece as Uint8Array).toString('utf8')
    if (text.length > LIMIT) throw new ManagementError('invalid', `cannot read more than ${LIMIT} characters`)
  }
  const line = text.replace(/\r?\n$/, '')
  if (!/[\r\n]/.test(line)) return line
  throw wrongUse('cannot read a password: expected one line, got several', "printf '%s' PASSWORD | ostiary idp …")
}

/** @throws ManagementError where the two are not the same, or where it is broken off */
export async function askTwice(times: 1 | 2 = 2): Promise<string> {
  using terminal = new HiddenLines()
  const first = await terminal.ask('Password: ')
  if (times === 1 || (await terminal.ask('Once more: ')) === first) return first
  throw wrongUse('cannot use this password: it was not the same twice', 'type it again')
}

/**
 * Lines typed at the terminal, of which nothing is typed back, so that whoever looks over the shoulder learns not even
 * their length. It is quiet before it asks, and stays so between two questions: what is pasted comes at once.
 */
class HiddenLines {
  #typed = ''
  #wake = () => {}
  readonly #take = (text: string) => {
    this.#typed += text
    this.#wake()
  }

  /** A terminal that is gone breaks off. */
  readonly #end = () => this.#take('\u0004')

  constructor() {
    process.stdin.setRawMode(true)
    process.stdin.setEncoding('utf8').on('data', this.#take).once('end', this.#end)
  }

  async ask(question: string): Promise<string> {
    process.stderr.write(question)
    try {
      for (;;) {
        const line = this.#nextLine()
        if (line !== undefined) return line
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      process.stderr.write('\n')
    }
  }

  /** Undefined until it is ended. */
  #nextLine(): string | undefined {
    let line = ''
    for (const [at, letter] of [...this.#typed].entries()) {
      if (letter === '\r' || letter === '\n') {
        this.#typed = [...this.#typed].slice(at + 1).join('')
        return line
      }
      if (letter === '\u0003' || letter === '\u0004')
        throw new ManagementError('invalid', 'cannot read a password: it was broken off')
      line = letter === '\u007f' || letter === '\b' ? [...line].slice(0, -1).join('') : line + letter
      if (line.length > LIMIT) throw new ManagementError('invalid', 'cannot read so much')
    }
    return undefined
  }

  [Symbol.dispose](): void {
    process.stdin.off('data', this.#take).off('end', this.#end)
    process.stdin.setRawMode(false)
    process.stdin.pause()
  }
}
