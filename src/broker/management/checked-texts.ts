/** What ids, names and addresses may look like before anything is kept under them. */
import { ManagementError } from './management.ts'

/**
 * Ids of connectors stand in paths (`/auth/ID`, `/callback/ID`), in logs and on terminals: printable ASCII without
 * blanks and without what means something in a path.
 */
export function checkConnectorId(id: string): void {
  if (/^(?!\.{1,2}$)[!-~]{1,128}$/.test(id) && !/["'\\/?#%<>&]/.test(id)) return
  throw new ManagementError('invalid', `cannot use ${JSON.stringify(id.slice(0, 40))} as id of a connector`, {
    details: ['an id has 1 to 128 letters, digits or signs, none of " \' \\ / ? # % < > & and no blanks'],
  })
}

/** Ids of clients stand in no path: printable ASCII (RFC 6749 appendix A.1), addresses and names with blanks included. */
export function checkClientId(id: string): void {
  if (/^(?! )[ -~]{1,256}(?<! )$/.test(id) && !/["'\\<>&]/.test(id)) return
  throw new ManagementError('invalid', `cannot use ${JSON.stringify(id.slice(0, 40))} as id of a client`, {
    details: ['an id has 1 to 256 letters, digits or signs, none of " \' \\ < > & and no blank at an end'],
  })
}

/** Texts that people read on pages. */
export function checkName(what: string, name: string): void {
  if (name.length <= 256 && !/[\u0000-\u001f\u007f-\u009f]/.test(name)) return
  throw new ManagementError('invalid', `cannot use this ${what}: it has control characters or more than 256 letters`)
}

export function checkAddresses(what: string, addresses: readonly string[]): void {
  if (addresses.length > 100) throw new ManagementError('invalid', `cannot keep more than 100 of ${what}`)
  for (const address of addresses) checkAddress(what, address)
}

export function checkAddress(what: string, address: string): void {
  const url = URL.canParse(address) && !/[\u0000-\u0020]/.test(address) ? new URL(address) : undefined
  const isDangerous = /^(?:javascript|data|vbscript|file|blob|about):$/.test(url?.protocol ?? '')
  // A fragment is forbidden (RFC 6749 §3.1.2), other schemes are those of native applications (RFC 8252 §7.1).
  if (url && !isDangerous && !address.includes('#') && address.length <= 2_048) return
  throw new ManagementError(
    'invalid',
    `cannot use ${what}: expected an absolute address without a fragment, got ${JSON.stringify(address.slice(0, 80))}`,
  )
}
