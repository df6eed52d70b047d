/** The one stylesheet of our pages: quiet, light and dark, readable on a phone; allowed by its hash and by nothing else. */
import { createHash } from 'node:crypto'

export const stylesheet = `:root{color-scheme:light dark}`

/** The source expression that lets exactly this sheet through a Content-Security-Policy (CSP3 §2.3.1). */
export const stylesheetHash = `'sha256-${createHash('sha256').update(stylesheet).digest('base64')}'`
