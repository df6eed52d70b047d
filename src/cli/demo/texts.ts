/** What the demo says. */
import { relative } from 'node:path'
import type { DevelopmentCertificates } from './certificates.ts'

export interface DemoUser {
  readonly email: string
  readonly groups: readonly string[]
}

export function announcement(demo: {
  readonly port: number
  readonly certificates: DevelopmentCertificates
  readonly password: string
  readonly users: readonly DemoUser[]
}): string {
  const { port, certificates, password, users } = demo
  const address = (host: string) => `https://${host}.localhost:${port}`
  const ca = relative(process.cwd(), certificates.caFile)
  const caFile = ca.startsWith('..') ? certificates.caFile : ca
  return `
Ostiary is at the door. Open one of these:

  ${address('hello').padEnd(40)} who you are, as an application sees it (devops only)
  ${address('files').padEnd(40)} a small WebDAV store (anybody who signs in)
  ${address('anything.apps').padEnd(40)} any name under apps.localhost
  ${address('public').padEnd(40)} open to everybody
  ${address('authenticate').padEnd(40)} where people sign in

and sign in as one of these, each with the password "${password}":

${users.map(({ email, groups }) => `  ${email.padEnd(20)} ${groups.join(', ')}`).join('\n')}

The certificates come from an authority made on this machine${certificates.isNewAuthority ? ' just now' : ''}:

  ${caFile}

  curl:      curl --cacert ${caFile} ${address('public')}
  Node.js:   NODE_EXTRA_CA_CERTS=${caFile}
  browsers:  import it as an authority for websites, or accept the warning once for each address
             (it can vouch for localhost and nothing else)

What is decided here stands in policies/demo.yaml: change it and see. Ctrl-C ends everything.
`
}

/** `code`: the system's reason why the port cannot be had. */
export function noPort({ port, code }: { readonly port: number; readonly code: string }): string {
  const other = port < 1024 ? 8443 : port < 60_000 ? port + 1000 : 8443
  const why =
    code === 'EADDRINUSE'
      ? 'is taken'
      : code === 'EACCES'
        ? 'may not be used: ports below 1024 need a privilege'
        : `cannot be used (${code})`
  return `cannot start the demo: port ${port} ${why}\nhint: npm start -- --port ${other}\n`
}

/** The folder of the certificates cannot be written: the clone or the package belongs to somebody else, or is read-only. */
export function noCertificates({ folder, code }: { readonly folder: string; readonly code: string }): string {
  return `cannot start the demo: the certificates cannot be kept in ${folder} (${code})\nhint: run it from a clone that you may write to\n`
}
