/** Certificates for the gRPC tests, our API on loopback, and a real Dex where the program is. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { dexManagement } from '#src/broker/management/grpc/dex-management.ts'
import { openGrpcApi } from '#src/broker/management/grpc/grpc-api.ts'
import { makeAuthority, makeCertificate } from '#src/crypto/issue-certificate.ts'
import { Secret } from '#src/crypto/secret.ts'
import { accepts, findProgram, freePort, handOver, startProgram, temporaryFolder } from '#test/actors/program.ts'
import type { World } from './world.ts'

export interface Pair {
  readonly cert: string
  readonly key: Secret
}

export interface Certificates {
  readonly ca: string
  readonly server: Pair
  readonly client: Pair
  /** Made by another authority. */
  readonly stranger: Pair
}

let made: Promise<Certificates> | undefined

export function certificates(): Promise<Certificates> {
  made ??= makeAll()
  return made
}

async function makeAll(): Promise<Certificates> {
  const options = { names: ['127.0.0.1'], now: Date.now() }
  const [authority, other] = [await makeAuthority(options), await makeAuthority(options)]
  const pair = async (by: typeof authority): Promise<Pair> => {
    const { certificate, key } = await makeCertificate(by, options)
    return { cert: certificate, key: new Secret(key) }
  }
  return {
    ca: authority.certificate,
    server: await pair(authority),
    client: await pair(authority),
    stranger: await pair(other),
  }
}

/** Our broker's API with mutual TLS, and a client of it. */
export async function serveGrpc(world: World, events: string[] = []) {
  const { ca, server, client } = await certificates()
  const event = (level: string, message: string, fields: object = {}) =>
    void events.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const api = await openGrpcApi({
    addr: '127.0.0.1:0',
    tls: { ...server, clientCA: ca },
    management: world.management,
    log: { event },
  })
  const management = dexManagement({ address: api.address, tls: { ca, ...client } })
  return {
    address: api.address,
    management,
    async [Symbol.asyncDispose]() {
      await management[Symbol.asyncDispose]()
      await api[Symbol.asyncDispose]()
    },
  }
}

/** A real Dex with its API under mutual TLS. `crud`: whether it lets connectors be managed. */
export async function startManagedDex({ crud = true } = {}) {
  const command = findProgram('dex')
  if (!command) throw new Error('cannot start Dex: no such program')
  const { ca, server } = await certificates()
  const folder = temporaryFolder('managed-dex')
  const write = (name: string, text: string) => {
    const path = join(folder.path, name)
    writeFileSync(path, text)
    handOver(path)
    return path
  }
  const [web, grpc] = [await freePort(), await freePort()]
  const file = write(
    'dex.yaml',
    stringify({
      issuer: `http://127.0.0.1:${web}/dex`,
      storage: { type: 'memory' },
      web: { http: `127.0.0.1:${web}` },
      grpc: {
        addr: `127.0.0.1:${grpc}`,
        tlsCert: write('server.crt', server.cert),
        tlsKey: write('server.key', server.key.reveal()),
        tlsClientCA: write('ca.crt', ca),
      },
      enablePasswordDB: true,
      staticClients: [{ id: 'static', name: 'Static', secret: 's', redirectURIs: ['https://static.corp.test/cb'] }],
    }),
  )
  const program = await startProgram({
    name: 'Dex',
    command,
    args: ['serve', file],
    cwd: folder.path,
    env: crud ? { DEX_API_CONNECTORS_CRUD: 'true' } : {},
    isReady: async () => (await accepts('127.0.0.1', grpc)) && (await accepts('127.0.0.1', web)),
  })
  return {
    address: `127.0.0.1:${grpc}`,
    issuer: `http://127.0.0.1:${web}/dex`,
    output: program.output,
    async [Symbol.asyncDispose]() {
      await program.stop()
      folder[Symbol.dispose]()
    },
  }
}
