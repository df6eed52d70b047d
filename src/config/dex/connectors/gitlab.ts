/** Keys of a `gitlab` connector, as Dex has them. */
import type { z } from 'zod'
import { settingType } from '../../setting-type.ts'
import { goFlag, goOctets, goSecret, goSection, goText, goTexts } from '../go-types.ts'

const baseUrl = () =>
  settingType('address', (raw, fail): string => {
    const text = goText().safeParse(raw)
    const url = text.success && URL.canParse(text.data) ? new URL(text.data) : undefined
    const isRight = url && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === ''
    if (!isRight) fail('an https address without query', { found: 'something else' })
    return text.success ? text.data.replace(/\/+$/, '') : ''
  })

export const gitlabSettings = goSection(
  {
    baseURL: baseUrl().prefault('https://gitlab.com').meta({ blankIsUnset: true, doc: 'Where GitLab is.' }),
    clientID: goText().meta({ doc: 'Id of the application.' }),
    clientSecret: goSecret().meta({ doc: 'Its secret.', secret: true }),
    redirectURI: goText().meta({ doc: "The broker's `ISSUER/callback`, exactly, as it is registered at GitLab." }),
    groups: goTexts()
      .prefault([])
      .meta({ doc: 'Only members of one of these sign in (full paths), and only these are groups.' }),
    useLoginAsID: goFlag().prefault(false).meta({
      doc: 'The login instead of the number becomes the user id. A login can be given up, and taken by somebody else.',
    }),
    getGroupsPermission: goFlag().prefault(false).meta({
      doc: 'Besides each group, `group:owner`, `group:maintainer` or `group:developer` where the user is that.',
    }),
    rootCAData: goOctets().optional().meta({ doc: 'Authorities to trust, base64 of PEM.' }),
  },
  { refused: { inheritedGroups: 'GitLab names groups that are inherited by itself' } },
)

export type GitlabSettings = z.output<typeof gitlabSettings>
