import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AdmitOptions } from '#src/listener/admission.ts'
import { admit } from '#src/listener/admit.ts'
import { arrive, requestOf } from '#src/trial/request.ts'

const actions = ['reject_request', 'keep_unchanged', 'unescape_and_redirect', 'unescape_and_forward'] as const

/** What the listener makes of the same bytes: host, port, path, query, or nothing. */
function admitted(method: string, authority: string, target: string, options: AdmitOptions) {
  const head = {
    protocol: 'http1' as const,
    method,
    target,
    version: '1.1',
    rawHeaders: ['Host', authority],
    peerAddress: '192.0.2.1',
    secure: true,
    ended: true,
  }
  const admission = admit(head, options, { id: 'id', now: 0 })
  if (admission.kind === 'refusal') return undefined
  const { host, port, path, query } = admission.visit
  return { host, port, path, query }
}

const piece = fc.constantFrom(
  'a',
  'B',
  '/',
  '//',
  '.',
  '..',
  '/../',
  ';',
  '%2f',
  '%2F',
  '%5c',
  '%61',
  '%',
  '%zz',
  '%00',
  '%c3',
  '%C3%A9',
  '\\',
  '?',
  '&',
  '=',
  ':',
  '@',
  '-',
  '_',
  '*',
  '~',
)
const authority = fc.oneof(
  fc.constantFrom(
    'app.test',
    'APP.test:8443',
    'app.test.',
    '[::1]:80',
    '[::ffff:1.2.3.4]',
    '1.2.3.4',
    '1.2.3',
    '0x7f.1',
    'a..b',
    'a_b.test',
    'app.test:0',
    'app.test:',
  ),
  fc
    .array(fc.constantFrom('a', '.', '-', ':', '8', '[', ']', '@', '%'), { maxLength: 8 })
    .map((signs) => signs.join('')),
)

test('whatever is asked for, offline it arrives where the listener would let it arrive, or is refused as it would be', () => {
  fc.assert(
    fc.property(
      fc.record({
        method: fc.constantFrom('GET', 'PROPFIND', 'TRACE', 'CONNECT', 'BREW', 'get'),
        authority,
        rest: fc.array(piece, { maxLength: 10 }).map((pieces) => `/${pieces.join('')}`),
        normalizePath: fc.boolean(),
        mergeSlashes: fc.boolean(),
        escapedSlashes: fc.constantFrom(...actions),
      }),
      ({ method, authority: host, rest, ...paths }) => {
        const options = {
          ...paths,
          underscores: 'reject_request',
          trustedHops: 0,
          skipXffAppend: false,
          maximumHeaders: 100,
        } as const
        const arrival = arrive(requestOf(`https://${host}${rest}`, 0, { method }), options)
        const { kind, ...found } = arrival
        const offline =
          'host' in found ? { host: found.host, port: found.port, path: found.path, query: found.query } : undefined
        assert.deepEqual(offline, admitted(method, host, rest, options), kind)
      },
    ),
    { numRuns: 3000 },
  )
})

test('headers with underscores are refused, dropped or kept as the listener does', () => {
  const request = requestOf('https://app.test/', 0, { headers: ['x_a', '1', 'x-b', '2', 'host', 'other.test'] })
  const paths = { normalizePath: true, mergeSlashes: true, escapedSlashes: 'reject_request' } as const
  const headers = (underscores: 'reject_request' | 'allow' | 'drop_header') => {
    const arrival = arrive(request, { ...paths, underscores })
    return arrival.kind === 'arrived' ? arrival.headers : arrival.reason
  }
  assert.equal(headers('reject_request'), 'header-with-underscore')
  assert.deepEqual(headers('drop_header'), ['x-b', '2'])
  assert.deepEqual(headers('allow'), ['x_a', '1', 'x-b', '2'])
})
