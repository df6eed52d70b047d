/** Debian's nginx in front, configured as Kubernetes' ingress-nginx configures it: TLS ends here, plain HTTP goes on. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from './certificate.ts'
import { accepts, findProgram, freePort, type Program, startProgram, temporaryFolder } from './program.ts'

export interface NginxServer {
  /** Host names, `*.example.test` included. */
  readonly names: readonly string[]
  readonly certificate: Certificate
  /** Where the requests go: `http://address:port`; to several in turn. */
  readonly upstream: string | readonly string[]
  /** What an answer's head has to fit into: `proxy-buffer-size`, 4k where nobody says otherwise. */
  readonly headBuffer?: '4k' | '16k'
}

export interface Nginx extends AsyncDisposable {
  readonly host: string
  /** The port that speaks TLS. */
  readonly port: number
  /** The port that speaks plain HTTP. */
  readonly plainPort: number
  stop(): Promise<void>
}

/** Starts nginx on a free port of `host`, with every path of its own in a temporary folder. */
export async function startNginx(options: { servers: readonly NginxServer[]; host?: string }): Promise<Nginx> {
  const { servers, host = '127.0.0.1' } = options
  const command = findProgram('nginx')
  if (!command) throw new Error('cannot start nginx: no such program')
  const folder = temporaryFolder('nginx')
  const port = await freePort(host)
  const plainPort = await freePort(host)
  const file = join(folder.path, 'nginx.conf')
  writeFileSync(file, configuration(folder.path, servers, { host, port, plainPort }))

  let program: Program
  try {
    program = await startProgram({
      name: 'nginx',
      command,
      args: ['-p', folder.path, '-c', file, '-e', 'stderr'],
      cwd: folder.path,
      isReady: () => accepts(host, port),
    })
  } catch (error) {
    folder[Symbol.dispose]()
    throw error
  }
  const stop = async () => {
    await program.stop()
    folder[Symbol.dispose]()
  }
  return { host, port, plainPort, stop, [Symbol.asyncDispose]: stop }
}

interface Ports {
  readonly host: string
  readonly port: number
  readonly plainPort: number
}

function configuration(folder: string, servers: readonly NginxServer[], at: Ports): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  map $http_upgrade $connection_upgrade {
    default upgrade;
    '' '';
  }
  ${servers.map((server, index) => serverBlock(server, { at, pool: `pool_${index}` })).join('\n')}
}
`
}

/**
 * The header fields and limits are ingress-nginx's own defaults, so what breaks here breaks in a cluster too:
 * bodies up to 1 MiB, an answer's head in one buffer of 4 KiB, request bodies read whole before they go on.
 */
function serverBlock(
  { names, certificate, upstream, headBuffer = '4k' }: NginxServer,
  { at, pool }: { at: Ports; pool: string },
): string {
  const targets = (typeof upstream === 'string' ? [upstream] : upstream).map((url) => new URL(url).host)
  return `
  upstream ${pool} {
    ${targets.map((target) => `server ${target};`).join(' ')}
  }
  server {
    listen ${at.host}:${at.port} ssl http2;
    listen ${at.host}:${at.plainPort};
    server_name ${names.join(' ')};
    ssl_certificate ${certificate.certificateFile};
    ssl_certificate_key ${certificate.keyFile};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      proxy_pass http://${pool};
      proxy_redirect off;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port 443;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Scheme $scheme;
      proxy_set_header X-Scheme $scheme;
      proxy_set_header X-Original-Forwarded-For $http_x_forwarded_for;
      proxy_set_header Proxy "";
      client_max_body_size 1m;
      proxy_buffering off;
      proxy_buffer_size ${headBuffer};
      proxy_buffers 4 ${headBuffer};
      proxy_request_buffering on;
      proxy_read_timeout 60s;
      proxy_next_upstream error timeout;
    }
  }`
}
