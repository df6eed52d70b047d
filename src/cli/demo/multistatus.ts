/** The XML of a 207 answer to PROPFIND (RFC 4918 §14). */
import type { Entry } from './file-store.ts'

/** `entries`: stored path ('' is the root) and entry; every property that the store has, as `allprop`. */
export function multistatus(entries: readonly (readonly [string, Entry])[]): string {
  const responses = entries.map(([path, entry]) => responseOf(path, entry))
  return `<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">\n${responses.join('')}</D:multistatus>\n`
}

function responseOf(path: string, entry: Entry): string {
  const href = path.split('/').map(encodeURIComponent).join('/') + (entry.kind === 'collection' ? '/' : '')
  const name = path.slice(path.lastIndexOf('/') + 1)
  const properties =
    entry.kind === 'collection'
      ? '<D:resourcetype><D:collection/></D:resourcetype>'
      : `<D:resourcetype/><D:getcontentlength>${entry.content.length}</D:getcontentlength>` +
        `<D:getcontenttype>${escapeXml(entry.type)}</D:getcontenttype><D:getetag>${escapeXml(entry.etag)}</D:getetag>`
  const changed = new Date(entry.changedAt).toUTCString()
  return (
    `<D:response><D:href>${escapeXml(href)}</D:href><D:propstat><D:prop>` +
    `<D:displayname>${escapeXml(name)}</D:displayname><D:getlastmodified>${changed}</D:getlastmodified>${properties}` +
    `</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\n`
  )
}

const escapeXml = (text: string) =>
  text
    .replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '\ufffd')
