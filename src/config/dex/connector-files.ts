/**
 * Files that the connectors of a configuration name, looked at before anybody signs in: what cannot be used is told with
 * its place, and what was read is watched, so that a changed file is in force without a restart. A connector whose file
 * is wrong disturbs no other at run time, so that all of it is warned of.
 */
import { X509Certificate } from 'node:crypto'
import { type FileReader, fingerprintOf } from '../file-reader.ts'
import { certificateChain, fits, privateKey } from '../pem-types.ts'
import { type Findings, printPath } from '../problem.ts'
import type { ConnectorSettings } from './connectors/connector-settings.ts'
import type { ReadConnector } from './read-connectors.ts'
import type { Path } from './read-section.ts'

interface Reading {
  readonly files: FileReader
  readonly findings: Findings
}

/** Certificates or a key in a setting: a file by its path, or the text itself. */
interface Named {
  /** Inside of `config`. */
  readonly path: Path
  /** Paths are looked for from the working directory, as at run time. */
  readonly file?: string
  readonly text?: string
  /** What is wrong with the text, if anything. */
  readonly problemOf: (text: string) => string | undefined
}

/** The settings, with what stands for the contents of their files. */
export async function withFiles(
  connectors: readonly ReadConnector[],
  reading: Reading,
): Promise<readonly ConnectorSettings[]> {
  return await Promise.all(
    connectors.map(async (connector) => {
      const texts: (string | undefined)[] = []
      for (const named of namedBy(connector.settings)) texts.push(await look(named, connector, reading))
      return texts.length === 0 ? connector.settings : { ...connector.settings, files: fingerprintOf(texts.join('\0')) }
    }),
  )
}

async function look(
  named: Named,
  { path, at }: ReadConnector,
  { files, findings }: Reading,
): Promise<string | undefined> {
  const where = ['config', ...named.path]
  const warn = (message: string) =>
    findings.warn({
      kind: 'file',
      path: printPath([...path, ...where]),
      message,
      hint: 'until then nobody can sign in by this connector',
      span: at(where),
    })
  if (named.file === undefined) {
    const problem = named.problemOf(named.text ?? '')
    if (problem !== undefined) warn(`cannot use it: ${problem}`)
    return undefined
  }
  const shown = JSON.stringify(named.file.slice(0, 200))
  const read = await files.read(named.file)
  if (read.kind === 'unreadable') {
    warn(`cannot read ${shown}: ${read.reason}`)
    return undefined
  }
  const problem = named.problemOf(read.text)
  if (problem !== undefined) warn(`cannot use ${shown}: ${problem}`)
  return read.text
}

function namedBy({ type, config }: ConnectorSettings): readonly Named[] {
  switch (type) {
    case 'ldap': {
      if (config.insecureNoSSL && !config.startTLS) return []
      const { rootCA, rootCAData, clientCert, clientKey } = config
      return [
        ...(rootCAData ? [{ path: ['rootCAData'], text: rootCAData, problemOf: authoritiesProblem }] : []),
        ...(rootCA !== '' && !rootCAData ? [{ path: ['rootCA'], file: rootCA, problemOf: authoritiesProblem }] : []),
        ...pair({ cert: clientCert, key: clientKey }),
      ]
    }
    case 'oidc':
    case 'oauth':
      return config.rootCAs.map((root, index) => ({
        path: ['rootCAs', index],
        ...(isPem(inlineText(root)) ? { text: inlineText(root) } : { file: root }),
        problemOf: authoritiesProblem,
      }))
    case 'github':
      return config.rootCA === '' ? [] : [{ path: ['rootCA'], file: config.rootCA, problemOf: authoritiesProblem }]
    case 'gitlab':
      return config.rootCAData === undefined
        ? []
        : [{ path: ['rootCAData'], text: config.rootCAData, problemOf: authoritiesProblem }]
    case 'saml':
      return config.caData === undefined
        ? [{ path: ['ca'], file: config.ca ?? '', problemOf: pinnedProblem }]
        : [{ path: ['caData'], text: config.caData, problemOf: pinnedProblem }]
    case 'google':
      return config.serviceAccountFilePath === ''
        ? []
        : [{ path: ['serviceAccountFilePath'], file: config.serviceAccountFilePath, problemOf: accountProblem }]
    // A workload's assertion is written anew every hour, and read when it is needed.
    case 'microsoft':
    case 'mockCallback':
    case 'mockPassword':
      return []
  }
}

/** A certificate and its key; one alone is told when the connector opens. */
function pair({ cert, key }: { readonly cert: string; readonly key: string }): readonly Named[] {
  if (cert === '' || key === '') return []
  let chain: ReturnType<ReturnType<typeof certificateChain>['parse']>
  return [
    {
      path: ['clientCert'],
      file: cert,
      problemOf(text) {
        const read = certificateChain().safeParse(text)
        chain = read.data
        return read.success ? undefined : 'it is no certificate in PEM form'
      },
    },
    {
      path: ['clientKey'],
      file: key,
      problemOf(text) {
        const read = privateKey().safeParse(text)
        if (!read.success || read.data === undefined) return 'it is no private key in PEM form without a passphrase'
        return chain === undefined || fits(chain, read.data) ? undefined : 'it is the key of another certificate'
      },
    },
  ]
}

/** As the connectors of type oidc and oauth read it: PEM, base64 of it, or a path. */
function inlineText(root: string): string {
  return isPem(root) ? root : Buffer.from(root.replace(/\s/g, ''), 'base64').toString('utf8')
}

function isPem(text: string): boolean {
  return text.includes('-----BEGIN CERTIFICATE-----')
}

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

function authoritiesProblem(text: string): string | undefined {
  const certificates = certificatesOf(text)
  return typeof certificates === 'string' ? certificates : undefined
}

/** Signatures of SAML are checked with RSA keys. */
function pinnedProblem(text: string): string | undefined {
  const certificates = certificatesOf(text)
  if (typeof certificates === 'string') return certificates
  const other = certificates.find(({ publicKey }) => publicKey.asymmetricKeyType !== 'rsa')
  return other && `a certificate needs an RSA key, got ${other.publicKey.asymmetricKeyType}`
}

function certificatesOf(text: string): readonly X509Certificate[] | string {
  const blocks = text.match(BLOCK) ?? []
  if (blocks.length === 0) return 'there is no certificate in PEM form in it'
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    return 'it holds a certificate that cannot be parsed'
  }
}

/** The key file of a service account, as Google makes it. */
function accountProblem(text: string): string | undefined {
  const expected = 'it is no key file of a service account'
  try {
    const value: unknown = JSON.parse(text)
    const members = typeof value === 'object' && value !== null ? { ...value } : {}
    const keys = ['client_email', 'private_key', 'token_uri'] as const
    const missing = keys.find((key) => typeof (members as Record<string, unknown>)[key] !== 'string')
    if (missing !== undefined) return `${expected}: there is no ${missing}`
    const { private_key: key } = members as { readonly private_key: string }
    return privateKey().safeParse(key).success ? undefined : `${expected}: its private_key cannot be parsed`
  } catch {
    return `${expected}: it is no JSON`
  }
}
