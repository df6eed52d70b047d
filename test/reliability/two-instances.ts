/** Two of everything on one PostgreSQL, with nginx in front that sends each request to the other one: no stickiness. */
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { Browser } from '#test/actors/browser.ts'
import { makeCertificate } from '#test/actors/certificate.ts'
import { startNginx } from '#test/actors/nginx.ts'
import { type Postgres, startPostgres } from '#test/actors/postgres.ts'
import { temporaryFolder } from '#test/actors/program.ts'
import { type Config, type RunningProxy, startProxy } from '#test/actors/proxy.ts'
import { startUpstream } from '#test/actors/upstream.ts'

const hash = hashSync('open sesame', 10)
const person = (name: string, groups: readonly string[]) => ({
  email: `${name}@corp.test`,
  hash,
  username: name,
  userID: `id-${name}`,
  groups,
})

export const service = 'https://hello.corp.test'
export const authenticate = 'https://authenticate.corp.test'
export const issuer = 'https://id.corp.test/dex'
export const wikiCallback = 'https://wiki.corp.test/cb'

export interface TwoInstances extends AsyncDisposable {
  readonly postgres: Postgres
  readonly instances: readonly [RunningProxy, RunningProxy]
  readonly sockets: readonly [string, string]
  /** The configuration of the nth, as it was given. */
  config(index: 0 | 1): Config
  readonly ca: string
  readonly port: number
  browser(): Browser
  /** All that both have logged. */
  log(): string
}

export async function startTwoInstances(
  more: { readonly broker?: Config; readonly proxy?: Config } = {},
): Promise<TwoInstances> {
  await using parts = new AsyncDisposableStack()
  const folder = parts.use(temporaryFolder('two-instances'))
  const certificate = await makeCertificate(folder.path, ['*.corp.test'])
  const postgres = parts.use(await startPostgres())
  const { host, port, database, user, password } = postgres.settings
  const upstream = parts.use(await startUpstream())
  const sockets = [join(folder.path, 'one.sock'), join(folder.path, 'two.sock')] as const
  const config = (index: 0 | 1): Config => ({
    insecure_server: true,
    xff_num_trusted_hops: 1,
    authenticate_service_url: authenticate,
    shared_secret: Buffer.alloc(32, 1).toString('base64'),
    cookie_secret: Buffer.alloc(32, 2).toString('base64'),
    broker: {
      issuer,
      storage: {
        type: 'postgres',
        config: { host, port, database, user, password: password?.reveal() ?? '', ssl: { mode: 'disable' } },
      },
      oauth2: { skipApprovalScreen: true },
      admin: { socket: sockets[index] },
      enablePasswordDB: true,
      staticPasswords: [person('alice', ['devops']), person('bob', ['finance'])],
      staticClients: [{ id: 'wiki', name: 'Wiki', secret: 'wiki-secret', redirectURIs: [wikiCallback] }],
      ...more.broker,
    },
    routes: [{ from: service, to: upstream.url, allowed_groups: ['devops'], pass_identity_headers: true }],
    ...more.proxy,
  })
  // Both at once, on an empty database.
  const [one, two] = await Promise.all([startProxy({ config: config(0) }), startProxy({ config: config(1) })])
  parts.use(one)
  parts.use(two)
  const nginx = parts.use(
    await startNginx({
      servers: [
        {
          names: ['*.corp.test'],
          certificate,
          upstream: [`http://127.0.0.1:${one.port}`, `http://127.0.0.1:${two.port}`],
          headBuffer: '16k',
        },
      ],
    }),
  )
  const owned = parts.move()
  return {
    ...{ postgres, instances: [one, two], sockets, config, ca: certificate.ca, port: nginx.port },
    browser: () => new Browser({ port: nginx.port, ca: certificate.ca }),
    log: () => `${one.output()}\n${two.output()}`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
