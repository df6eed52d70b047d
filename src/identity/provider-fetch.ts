/** Calls to the provider: bounded in size, and telling "not reached" from "answered badly". */

export type Fetch = (url: string, options?: RequestInit) => Promise<Response>

/** A key set or token answer is a few KiB; what is longer is not read to its end. */
const maximumAnswer = 1024 * 1024

/** The provider could not be reached, or broke off. A TypeError, because that is what openid-client lets through as it is. */
export class UnreachableError extends TypeError {
  constructor(url: string, cause: unknown) {
    super(`cannot reach ${new URL(url).origin}: ${reasonOf(cause)}`)
    this.name = 'UnreachableError'
  }
}

/** `fetch`, read to the end within bounds. Time limits are the caller's `signal`, and cover the body, too. */
export async function fetchWhole(
  fetch: Fetch,
  { url, options }: { url: string; options?: RequestInit | undefined },
): Promise<Response> {
  try {
    const response = await fetch(url, options)
    const body = await readBounded(response)
    // A Response of the global class, whatever fetch was handed in; without the body's former encoding.
    const headers = new Headers(
      [...response.headers].filter(([name]) => name !== 'content-encoding' && name !== 'content-length'),
    )
    const isBodyless = [101, 204, 205, 304].includes(response.status)
    return new Response(isBodyless ? null : body, { status: response.status, headers })
  } catch (cause) {
    // openid-client knows its own time limit by the DOMException.
    if (cause instanceof DOMException) throw cause
    throw new UnreachableError(url, cause)
  }
}

async function readBounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > maximumAnswer) throw new Error(`answer is longer than ${maximumAnswer} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown reason'
  const inner = cause.cause instanceof Error ? cause.cause : cause
  return 'code' in inner && typeof inner.code === 'string' ? inner.code : inner.message
}
