/** The application of the measurements where nginx is not installed: a hundred octets for everybody. */
import { createServer } from 'node:http'

const body = Buffer.alloc(100, 'x')
createServer((_, response) => {
  response.writeHead(200, ['content-type', 'text/plain', 'content-length', '100'])
  response.end(body)
}).listen(Number(process.env['PORT']), '127.0.0.1')
