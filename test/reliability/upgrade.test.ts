import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { openClient, plainConfig, publicRoute, startPlain } from './plain.ts'

/** An application that lets each handshake wait until `accept` is called. */
async function startHesitant() {
  const waiting: (() => void)[] = []
  const webSockets = new WebSocketServer({ noServer: true })
  const server = createServer((_, response) => void response.end('ok'))
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  server.on('upgrade', (request, socket, head) => {
    waiting.push(() => webSockets.handleUpgrade(request, socket, head, () => {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async accept() {
      for (let tries = 0; tries < 250 && waiting.length === 0; tries++) await pause(20)
      for (const go of waiting.splice(0)) go()
    },
    async arrived() {
      for (let tries = 0; tries < 250 && waiting.length === 0; tries++) await pause(20)
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const open = (port: number) => new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { host: 'ws.corp.test' } })

test('a WebSocket whose handshake was under way when a reload denied it is closed as soon as it stands', async () => {
  await using upstream = await startHesitant()
  const route = (more: object) => publicRoute('ws', upstream.url, { allow_websockets: true, ...more })
  await using proxy = await startPlain([route({})])
  const webSocket = open(proxy.port)
  const closed = once(webSocket, 'close', { signal: AbortSignal.timeout(10_000) }) as Promise<[number]>
  await upstream.arrived()
  proxy.write(plainConfig([route({ policy: [{ deny: { and: [{ accept: true }] } }] })]))
  await proxy.logged(({ message }) => message === 'configuration in force')
  using client = openClient(proxy)
  assert.equal((await client.ask('ws')).status, 403)
  await upstream.accept()
  assert.deepEqual((await closed)[0], 1008)
})

test('a WebSocket whose handshake was under way when the process was told to end is told goodbye', async () => {
  await using upstream = await startHesitant()
  await using proxy = await startPlain([publicRoute('ws', upstream.url, { allow_websockets: true })])
  const webSocket = open(proxy.port)
  const closed = once(webSocket, 'close', { signal: AbortSignal.timeout(10_000) }) as Promise<[number]>
  await upstream.arrived()
  proxy.signal('SIGTERM')
  for (let tries = 0; tries < 100 && (await proxy.health('/readyz')) === 200; tries++) await pause(20)
  await upstream.accept()
  assert.deepEqual((await closed)[0], 1001)
  assert.equal(await proxy.ended, 0)
})
