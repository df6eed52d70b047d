/**
 * The only script on a page of ours: OAuth 2.0 Form Post Response Mode §2 has the form sent by itself. Without scripts
 * the page's button sends it.
 */
import { createHash } from 'node:crypto'

export const sendingScript = 'document.forms[0].submit()'

/** The source expression that lets exactly this script through a Content-Security-Policy (CSP3 §2.3.1). */
export const sendingScriptHash = `'sha256-${createHash('sha256').update(sendingScript).digest('base64')}'`
