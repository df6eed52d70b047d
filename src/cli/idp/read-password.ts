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
  const first = await ask('Password: ')
  if (times === 1 || (await ask('Once more: ')) === first) return first
  throw wrongUse('cannot use this password: it was not the same twice', 'type it again')
}

/** Types nothing back: whoever looks over the shoulder learns not even its length. */
async function ask(question: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(question)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8').resume()
  let typed = ''
  try {
    return await new Promise((resolve, reject) => {
      const take = (text: string) => {
        for (const letter of text) {
          if (letter === '\r' || letter === '\n') return end(() => resolve(typed))
          if (letter === '\u0003' || letter === '\u0004')
            return end(() => reject(new ManagementError('invalid', 'cannot read a password: it was broken off')))
          typed = letter === '\u007f' || letter === '\b' ? [...typed].slice(0, -1).join('') : typed + letter
          if (typed.length > LIMIT) return end(() => reject(new ManagementError('invalid', 'cannot read so much')))
        }
      }
      const end = (settle: () => void) => {
        stdin.off('data', take)
        settle()
      }
      stdin.on('data', take)
    })
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}
