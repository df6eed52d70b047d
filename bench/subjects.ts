/** What is measured: each proxy in front of the same application, and the cookie of somebody who really signed in. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { idpClient } from '#test/actors/idp.ts'
import { findProgram, freePort } from '#test/actors/program.ts'
import { type Bound, startBound } from './processes.ts'
import { signIn } from './sign-in.ts'

export interface Surroundings {
  /** Where the application listens: `http://127.0.0.1:PORT`. */
  readonly upstream: string
  /** The issuer of a provider that knows the redirect addresses below and signs in at once. */
  readonly issuer: string
  readonly folder: string
  readonly core: number
  /** Port of the Apache subject, known beforehand since its redirect address holds it. */
  readonly apachePort: number
}

export interface Subject extends Bound {
  readonly name: string
  readonly port: number
  readonly headers: Readonly<Record<string, string>>
}

export const redirectUris = (apachePort: number): string[] => [
  'https://authenticate.bench.test/oauth2/callback',
  'http://wiki.bench.test/oauth2/callback',
  `http://wiki.bench.test:${apachePort}/.oidc`,
]

/** The three groups of the signed-in user; the second one lets them in. */
export const groups = ['finance', 'devops', 'platform-engineering']

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** The application: nginx where it is installed, and a small one of our own where it is not. */
export async function startApplication(folder: string, core: number): Promise<Bound & { readonly url: string }> {
  const port = await freePort()
  const nginx = findProgram('nginx')
  const place = { core, port, folder, name: 'application' }
  const bound = nginx
    ? await startBound({
        ...place,
        command: nginxCommand(nginx, folder, {
          name: 'application',
          port,
          location: `default_type text/plain; return 200 "${'x'.repeat(100)}";`,
        }),
      })
    : await startBound({ ...place, command: [process.execPath, here('application.ts')], env: { PORT: String(port) } })
  return { ...bound, url: `http://127.0.0.1:${port}` }
}

/** A proxy that is a program of ours, told by PORT and UPSTREAM. */
async function startScript(name: string, file: string, { upstream, folder, core }: Surroundings): Promise<Subject> {
  const port = await freePort()
  const env = { PORT: String(port), UPSTREAM: upstream }
  const bound = await startBound({ name: file, command: [process.execPath, here(file)], core, port, folder, env })
  return { ...bound, name, port, headers: {} }
}

export const startBare = (around: Surroundings) => startScript('bare undici pass-through', 'bare-undici.ts', around)
export const startHttpProxy = (around: Surroundings) => startScript('http-proxy alone', 'http-proxy.ts', around)

/** Ostiary as an operator runs it: a session, identity headers, the assertion, and the access log to a file. */
export async function startOstiary(
  { upstream, issuer, folder, core }: Surroundings,
  { name = 'ostiary', more = {} }: { readonly name?: string; readonly more?: object } = {},
): Promise<Subject> {
  const port = await freePort()
  const configuration = {
    address: `127.0.0.1:${port}`,
    insecure_server: true,
    health_check_addr: `127.0.0.1:${await freePort()}`,
    authenticate_service_url: 'https://authenticate.bench.test',
    shared_secret: Buffer.alloc(32, 's').toString('base64'),
    cookie_secret: Buffer.alloc(32, 'c').toString('base64'),
    idp_provider: 'oidc',
    idp_provider_url: issuer,
    idp_client_id: idpClient.id,
    idp_client_secret: idpClient.secret,
    idp_scopes: ['openid', 'profile', 'email', 'groups'],
    jwt_claims_headers: { 'X-Email': 'email', 'X-Groups': 'groups', 'X-Name': 'name' },
    pass_identity_headers: true,
    routes: [
      {
        from: 'https://wiki.bench.test',
        to: upstream,
        policy: [{ allow: { or: [{ 'claim/groups': { has: 'devops' } }] } }],
      },
    ],
    ...more,
  }
  const file = join(folder, `${name}.json`)
  writeFileSync(file, JSON.stringify(configuration, null, 2))
  const command = [process.execPath, here('../ostiary.js'), 'serve', '--config', file]
  const bound = await startBound({ name, command, core, port, folder })
  const cookie = await signIn({ url: 'https://wiki.bench.test/', port })
  return { ...bound, name: 'Ostiary with a session', port, headers: { Host: 'wiki.bench.test', cookie } }
}

export async function startNginx({ upstream, folder, core }: Surroundings): Promise<Subject | undefined> {
  const nginx = findProgram('nginx')
  if (!nginx) return undefined
  const port = await freePort()
  const location = 'proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection "";'
  const server = `upstream application { server ${new URL(upstream).host}; keepalive 128; keepalive_requests 1000000000; }`
  const command = nginxCommand(nginx, folder, { name: 'proxy', port, location, server })
  const bound = await startBound({ name: 'nginx', command, core, port, folder })
  return { ...bound, name: 'nginx as a plain proxy', port, headers: {} }
}

const apacheModules = '/usr/lib/apache2/modules'

/** The peer that Debian ships: session in the cookie, the claims as headers, a group required, an access log. */
export async function startApache({ upstream, issuer, folder, core, apachePort }: Surroundings) {
  const apache = findProgram('apache2')
  if (!apache || !findModule('auth_openidc')) return undefined
  const place = join(folder, 'apache')
  mkdirSync(place)
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'proxy', 'proxy_http', 'auth_openidc']
  writeFileSync(
    join(place, 'apache.conf'),
    `
ServerRoot ${place}
ServerName wiki.bench.test
Listen 127.0.0.1:${apachePort}
PidFile ${place}/apache.pid
ErrorLog ${place}/error.log
${modules.map((name) => `LoadModule ${name}_module ${apacheModules}/mod_${name}.so`).join('\n')}
${process.getuid?.() === 0 ? 'User nobody\nGroup nogroup' : ''}
StartServers 1
ServerLimit 1
ThreadsPerChild 128
MaxRequestWorkers 128
MaxKeepAliveRequests 0
LogFormat "%h %u %t \\"%r\\" %>s %b" common
CustomLog ${place}/access.log common
OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration
OIDCClientID ${idpClient.id}
OIDCClientSecret ${idpClient.secret}
OIDCRedirectURI http://wiki.bench.test:${apachePort}/.oidc
OIDCCryptoPassphrase 0123456789abcdef0123456789abcdef
OIDCSessionType client-cookie
OIDCScope "openid email profile groups"
OIDCPKCEMethod S256
OIDCPassClaimsAs headers
<Location />
  AuthType openid-connect
  Require claim groups:devops
</Location>
ProxyPass / ${upstream}/ keepalive=On
`,
  )
  const command = [apache, '-f', join(place, 'apache.conf'), '-D', 'FOREGROUND']
  const bound = await startBound({ name: 'apache', command, core, port: apachePort, folder })
  const host = `wiki.bench.test:${apachePort}`
  const cookie = await signIn({ url: `http://${host}/`, port: apachePort })
  return { ...bound, name: 'Apache with mod_auth_openidc', port: apachePort, headers: { Host: host, cookie } }
}

/** oauth2-proxy where it is on PATH: session in the cookie, a group required, claims as headers, an access log. */
export async function startOauth2Proxy({ upstream, issuer, folder, core }: Surroundings): Promise<Subject | undefined> {
  const program = findProgram('oauth2-proxy')
  if (!program) return undefined
  const port = await freePort()
  const options = {
    ...{ 'http-address': `127.0.0.1:${port}`, upstream: `${upstream}/`, provider: 'oidc', 'oidc-issuer-url': issuer },
    ...{ 'client-id': idpClient.id, 'client-secret': idpClient.secret, scope: 'openid email profile groups' },
    ...{ 'redirect-url': 'http://wiki.bench.test/oauth2/callback', 'code-challenge-method': 'S256' },
    ...{ 'cookie-secret': Buffer.alloc(32, 'c').toString('base64url'), 'cookie-secure': 'false' },
    ...{ 'email-domain': '*', 'allowed-group': 'devops', 'skip-provider-button': 'true', 'pass-user-headers': 'true' },
    'insecure-oidc-allow-unverified-email': 'true',
  }
  const command = [program, ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)]
  // One core is what it has; Go counts those of the machine.
  const bound = await startBound({ name: 'oauth2-proxy', command, core, port, folder, env: { GOMAXPROCS: '1' } })
  const cookie = await signIn({ url: 'http://wiki.bench.test/', port })
  return { ...bound, name: 'oauth2-proxy', port, headers: { Host: 'wiki.bench.test', cookie } }
}

function findModule(name: string): boolean {
  return existsSync(`${apacheModules}/mod_${name}.so`)
}

interface NginxSite {
  readonly name: string
  readonly port: number
  readonly location: string
  readonly server?: string
}

function nginxCommand(nginx: string, folder: string, { name, port, location, server = '' }: NginxSite): string[] {
  const place = join(folder, name)
  mkdirSync(place, { recursive: true })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  writeFileSync(
    join(place, 'nginx.conf'),
    `
daemon off; worker_processes 1; pid ${place}/nginx.pid; error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000;
  ${temporary.map((kind) => `${kind}_temp_path ${place}/${kind};`).join(' ')}
  ${server}
  server { listen 127.0.0.1:${port}; location / { ${location} } }
}
`,
  )
  return [nginx, '-p', place, '-c', join(place, 'nginx.conf'), '-e', 'stderr']
}
