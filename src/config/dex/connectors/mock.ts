/** Keys of the connectors for trying, as Dex has them. */
import type { z } from 'zod'
import { Secret } from '../../../crypto/secret.ts'
import { settingType } from '../../setting-type.ts'
import { goSecret, goSection, goText } from '../go-types.ts'

/** Text that is not empty: Dex refuses to open such a connector, too. */
const someText = () =>
  settingType('text', (raw, fail): string => {
    const read = goText().safeParse(raw)
    if (!read.success || read.data === '') fail('text that is not empty')
    return read.success ? read.data : ''
  })

const someSecret = () =>
  settingType('secret text', (raw, fail): Secret => {
    const read = goSecret().safeParse(raw)
    if (!read.success || raw === '') fail('text that is not empty', { found: 'none' })
    return read.success ? read.data : new Secret('')
  })

export const mockCallbackSettings = goSection({})

export const mockPasswordSettings = goSection({
  username: someText().meta({ doc: 'The only name that signs in.' }),
  password: someSecret().meta({ doc: 'Its password.', secret: true }),
})

export type MockCallbackSettings = z.output<typeof mockCallbackSettings>
export type MockPasswordSettings = z.output<typeof mockPasswordSettings>
