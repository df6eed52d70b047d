/** The methods that are served: RFC 9110 without CONNECT and TRACE, and those of WebDAV and its kin. */
export const methods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  // WebDAV, versioning, access control, search, bindings, calendars (RFC 4918, 3253, 3744, 5323, 5842, 4791)
  'ACL',
  'BIND',
  'CHECKOUT',
  'COPY',
  'LOCK',
  'MERGE',
  'MKACTIVITY',
  'MKCALENDAR',
  'MKCOL',
  'MOVE',
  'PROPFIND',
  'PROPPATCH',
  'REBIND',
  'REPORT',
  'SEARCH',
  'UNBIND',
  'UNLOCK',
  // caches, links, event subscriptions
  'LINK',
  'UNLINK',
  'PURGE',
  'M-SEARCH',
  'NOTIFY',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
])

/** For the Allow field of a 405. */
export const allowedMethods: readonly string[] = ['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']
