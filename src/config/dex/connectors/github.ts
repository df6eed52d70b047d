/** Keys of a `github` connector, as Dex has them. */
import type { z } from 'zod'
import { settingType } from '../../setting-type.ts'
import { goFlag, goOneOf, goSecret, goSection, goSections, goText, goTexts } from '../go-types.ts'

/** A host with or without port; a scheme or a path would end in an address that nobody meant. */
const hostName = () =>
  settingType('host', (raw, fail): string => {
    const text = goText().safeParse(raw)
    const isRight = text.success && /^[A-Za-z0-9.-]*(?::\d{1,5})?$/.test(text.data)
    if (!isRight) fail('a host, or host:port', { hint: 'without https:// and without a slash' })
    return isRight ? text.data : ''
  })

/** `example.com`, or `*.example.com` with one `*` for one label. */
const domainPattern = () =>
  settingType('domain', (raw, fail): string => {
    const text = goText().safeParse(raw)
    const domain = text.success ? text.data.toLowerCase() : ''
    const labels = domain.split('.')
    const isRight = text.success && (domain === '' || labels.every((label) => /^(?:\*|[a-z0-9_-]+)$/.test(label)))
    if (!isRight) fail('a domain, in which * may stand for one label')
    else if (labels.at(-1) === '*') fail('a domain that does not end in *', { hint: 'it would match any country' })
    return domain
  })

/** A name that stands in an address: GitHub's own letters, and nothing that could lead elsewhere. */
const organization = () =>
  settingType('organization', (raw, fail): string => {
    const text = goText().safeParse(raw)
    const isRight = text.success && /^[A-Za-z0-9_-]*$/.test(text.data)
    if (!isRight) fail('the name of an organization, as it stands in its address')
    return isRight ? text.data : ''
  })

export const githubSettings = goSection(
  {
    clientID: goText().meta({ doc: 'Id of the OAuth app.' }),
    clientSecret: goSecret().meta({ doc: 'Its secret.', secret: true }),
    redirectURI: goText().meta({ doc: "The broker's `ISSUER/callback`, exactly, as it is registered at GitHub." }),
    org: organization().prefault('').meta({
      doc: 'The old form of `orgs`, for one organization: only members sign in (Dex lets in anybody), and groups are the bare names of its teams.',
    }),
    orgs: goSections({
      name: organization().meta({ doc: 'The organization.' }),
      teams: goTexts().prefault([]).meta({
        doc: 'Only members of one of these teams (by the names that `teamNameField` gives), and only these are groups.',
      }),
    })
      .prefault([])
      .meta({ doc: 'Only members of one of these sign in; groups are `organization:team` of these.' }),
    hostName: hostName().prefault('').meta({ doc: 'Host of a GitHub Enterprise Server, instead of github.com.' }),
    rootCA: goText().prefault('').meta({ doc: 'File with the authority of `hostName`.' }),
    teamNameField: goOneOf(['name', 'slug', 'both'])
      .prefault('name')
      .meta({ doc: 'What a team is called in groups: its name, as it stands in addresses, or both as two groups.' }),
    loadAllGroups: goFlag().prefault(false).meta({
      doc: 'Without `orgs`: every organization of the user as `organization`, and every team as `organization:team`.',
    }),
    useLoginAsID: goFlag().prefault(false).meta({
      doc: 'The login instead of the number becomes the user id. A login can be given up, and taken by somebody else.',
    }),
    preferredEmailDomain: domainPattern().prefault('').meta({
      doc: 'A verified address of this domain goes before the primary one; `*` stands for one label, not the last.',
    }),
  },
  {
    check: ({ org, orgs, hostName, rootCA }, fail) => {
      if (org !== '' && orgs.length > 0) fail('org or orgs', { path: ['org'], found: 'both' })
      if (rootCA !== '' && hostName === '')
        fail('rootCA with hostName only', { path: ['rootCA'], found: 'no hostName' })
      for (const [index, { name }] of orgs.entries())
        if (name === '') fail('the name of an organization', { path: ['orgs', index, 'name'], found: 'none' })
    },
  },
)

export type GithubSettings = z.output<typeof githubSettings>
