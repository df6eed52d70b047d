/** A small load generator for machines without wrk: connections that each ask again as soon as they are answered. */
import { connect } from 'node:net'
import type { Load, Loaded } from './load.ts'

const { port, path, headers, connections, seconds } = JSON.parse(process.argv[2] ?? '') as Load
const fields = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
const request = `GET ${path} HTTP/1.1\r\n${fields.join('')}\r\n`
let requests = 0
let errors = 0

function open(): void {
  const socket = connect(port, '127.0.0.1', () => socket.write(request))
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    if (end === -1) return
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end + 2))?.[1] ?? 0)
    if (text.length < end + 4 + length) return
    requests++
    if (!/^HTTP\/1\.[01] 2/.test(text)) errors++
    text = text.slice(end + 4 + length)
    socket.write(request)
  })
  socket.on('error', () => errors++)
}

for (let i = 0; i < connections; i++) open()
setTimeout(() => {
  process.stdout.write(JSON.stringify({ requests, errors } satisfies Loaded))
  process.exit()
}, seconds * 1000)
