/** The demo as a newcomer runs it, in a process of its own, with certificates in a folder of the test. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Browser } from '#test/actors/browser.ts'
import { accepts, freePort, startProgram } from '#test/actors/program.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const caFile = fileURLToPath(new URL('../../certs/ca.crt', import.meta.url))

const certificateFile = fileURLToPath(new URL('../../certs/server.crt', import.meta.url))

export interface RunningDemo extends AsyncDisposable {
  readonly port: number
  readonly certificateFile: string
  /** `https://HOST.localhost:PORT` and `path`. */
  url(host: string, path?: string): string
  browser(): Browser
  output(): string
  signal(name: NodeJS.Signals): void
  readonly ended: Promise<number | string>
}

/** `args`: more for the command line, such as `--config FILE`. */
export async function startDemo(args: readonly string[] = []): Promise<RunningDemo> {
  const port = await freePort()
  let output = () => ''
  const program = await startProgram({
    name: 'the demo',
    command: process.execPath,
    args: [main, 'demo', '--port', String(port), ...args],
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    isReady: async () => output().includes('Ctrl-C') || (await accepts('127.0.0.1', port)),
    asOurselves: true,
  })
  output = program.output
  for (let tries = 0; tries < 100 && !output().includes('Ctrl-C'); tries++)
    await new Promise((done) => setTimeout(done, 20))
  return {
    port,
    certificateFile,
    url: (host, path = '/') => `https://${host}.localhost:${port}${path}`,
    browser: () => new Browser({ port, ca: readFileSync(caFile, 'utf8') }),
    output,
    signal: program.signal,
    ended: program.ended,
    [Symbol.asyncDispose]: program.stop,
  }
}
