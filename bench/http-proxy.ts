/** http-proxy alone, for plain requests: what it would cost to use it for more than upgrades. */
import { Agent, createServer } from 'node:http'
import { createProxyServer } from 'http-proxy'

const { PORT, UPSTREAM = '' } = process.env
const proxy = createProxyServer({ target: UPSTREAM, agent: new Agent({ keepAlive: true }) })
proxy.on('error', () => {})
createServer((request, response) => proxy.web(request, response)).listen(Number(PORT), '127.0.0.1')
