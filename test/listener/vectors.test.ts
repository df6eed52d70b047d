/** What Pomerium admits and which path it makes of a target, for every request of the route vectors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdmitOptions } from '#src/listener/admission.ts'
import { admit } from '#src/listener/admit.ts'
import { strictAdmission } from '#test/listener/doors.ts'
import { differingIds, readVectors } from '#test/vectors/read-vectors.ts'

interface Asked {
  readonly n: number
  readonly method: string
  readonly host: string | null
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly expect: { readonly status: number; readonly upstream_path?: string; readonly location?: string }
}

interface RouteVector {
  readonly id: string
  readonly config?: {
    readonly normalize_path?: boolean
    readonly merge_slashes?: boolean
    readonly path_with_escaped_slashes_action?: AdmitOptions['escapedSlashes']
  }
  readonly routes: readonly Readonly<Record<string, unknown>>[]
  readonly policy?: readonly Readonly<Record<string, unknown>>[]
  readonly requests: readonly Asked[]
}

test('every request of the route vectors is admitted with the same path, or refused, but for the listed differences', () => {
  const differing = new Set([...differingIds('route'), ...differingIds('listener')])
  const listed = differingIds('listener')
  const wrong: string[] = []
  let compared = 0
  for (const vector of readVectors<RouteVector>('pomerium/routes.jsonl')) {
    const isRewritten = [...vector.routes, ...(vector.policy ?? [])].some(
      (route) =>
        Object.keys(route).some((key) => /rewrite|redirect|response/.test(key)) || /:\d+\/./.test(String(route['to'])),
    )
    for (const asked of vector.requests) {
      const id = `${vector.id}/${asked.n}`
      const got = outcome(vector, asked)
      const { status, location, upstream_path } = asked.expect
      compared++
      const isSame =
        got.status === 400 || status === 400
          ? got.status === status
          : got.status === 307
            ? location === got.text
            : got.status === 200 && (isRewritten || upstream_path === undefined || upstream_path === got.text)
      if (listed.has(id) ? isSame : !isSame && !differing.has(id)) {
        wrong.push(`${id} ${asked.method} ${asked.host} ${asked.path}: got ${JSON.stringify(got)}`)
      }
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(compared > 700, String(compared))
})

/** 200 with the path to send on, 307 with the new one, or the status of the refusal. */
function outcome({ config }: RouteVector, { method, host, path, headers }: Asked): { status: number; text: string } {
  const fields = Object.entries(headers ?? {}).flat()
  const target = Buffer.from(path, 'utf8').toString('latin1')
  const head = {
    protocol: 'http1',
    method,
    target,
    version: '1.1',
    // The parser takes the blanks around a value away.
    rawHeaders: [...(host === null ? [] : ['Host', Buffer.from(host.trim(), 'utf8').toString('latin1')]), ...fields],
    peerAddress: '127.0.0.1',
    secure: false,
    ended: false,
  } as const
  const options = {
    ...strictAdmission,
    normalizePath: config?.normalize_path ?? true,
    mergeSlashes: config?.merge_slashes ?? true,
    escapedSlashes: config?.path_with_escaped_slashes_action ?? 'reject_request',
  } as const
  const admission = admit(head, options, { id: 'id', now: 0 })
  if (admission.kind === 'visit') return { status: 200, text: admission.visit.path + admission.visit.query }
  const { status, headers: answer } = admission.refusal
  return { status, text: answer[1] ?? '' }
}
