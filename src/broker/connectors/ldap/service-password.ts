/** The one place that looks at the service account's password: it goes to the directory and nowhere else. */
import type { Secret } from '../../../crypto/secret.ts'

/** '' where there is none. */
export function servicePassword({ bindPW }: { readonly bindPW?: Secret | undefined }): string {
  return bindPW?.reveal() ?? ''
}
