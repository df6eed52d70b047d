/** Settings of what makes edits of a policy safe: the record of decisions, trying rules beside the live ones, going back. */
import { share, size } from './amount-types.ts'
import { fields, mapOf } from './fields-type.ts'
import { recordKeys } from './read-records.ts'
import { policyDocument } from './route-types.ts'
import { settingType, textOf } from './setting-type.ts'
import { count, duration, oneOf } from './simple-types.ts'

const filePath = () =>
  settingType('path of a file', (raw, fail): string => {
    const value = textOf(raw) ?? ''
    if (value.trim() === '' || /[\u0000-\u001f\u007f]/.test(value) || value.endsWith('/')) fail('the path of a file')
    return value
  })

export const policyToolSettings = {
  policies: mapOf('policy', policyDocument()).prefault({}).meta({
    doc: 'Rules with names, written once: `policy: {use: NAME}` or `use: [NAME, …]` in a route (or its `shadow_policy`) takes them in beside its own, and all are OR-ed as ever. A named policy uses no other.',
    fileOnly: true,
  }),
  records: mapOf('record type', fields({ file: filePath(), key: oneOf(recordKeys) }))
    .prefault({})
    .meta({
      doc: 'Facts for the criterion `record`: type → `file` (YAML or JSON: a map from name to fields, or a list of maps with `id`; read again whenever it changes; at most 100,000 rows) and `key`, what the rows are named by: `user.id`, `user.email`, `user.domain` or `client.address`.',
      fileOnly: true,
    }),
  decision_log: fields({
    path: filePath(),
    rotate_size: size({ min: '64KiB', max: '64GiB' }).prefault('100MB'),
    rotate_age: duration({ max: '8784h' }).prefault('24h'),
    keep: count({ min: 0, max: 1000 }).prefault('7'),
  })
    .optional()
    .meta({
      doc: 'A file of JSON lines, readable by its owner only, with all that each decision depended on, for `ostiary replay`, `diff --log` and `matrix --log`: never cookies or tokens. At `rotate_size` or `rotate_age` (0s: never) it becomes `path.1`; `keep` older files stay.',
    }),
  config_rollback: fields({
    window: duration({ max: '1h' }).prefault('5m'),
    deny_rate_increase: share({ min: 0.01, max: 1 }).prefault('20%'),
    minimum_requests: count({ min: 1, max: 1_000_000 }).prefault('50'),
  })
    .optional()
    .meta({
      doc: 'After a reload go back to the configuration before it when, within `window`, the share of requests that are denied, or that end in 5xx, is higher than in the window before by `deny_rate_increase`. Nothing is concluded from fewer than `minimum_requests` on either side. The files are then not taken again until they change.',
    }),
}

export const policyToolRouteSettings = {
  shadow_policy: policyDocument().optional().meta({
    doc: 'Rules to try: they are decided beside the live ones, as if they stood in place of `policy` and all `allow…` keys. What they would decide otherwise is logged and counted, and nothing else.',
  }),
}
