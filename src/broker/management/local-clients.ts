/** Applications under management: those of the file are shown, those of the store can be changed. */
import type { ClientSettings } from '../../config/dex/broker-settings.ts'
import { randomText } from '../../crypto/random.ts'
import type { Store } from '../store/store.ts'
import { checkAddress, checkAddresses, checkClientId, checkName } from './checked-texts.ts'
import { checkRules } from './client-rules.ts'
import { type ClientRecord, type Management, ManagementError } from './management.ts'
import { allOf, kinds, printStoredClient, readStoredClient, type StoredClient, usualRules } from './records.ts'
import { missing, readOnly, taken, untilWritten } from './refusals.ts'

export interface LocalClientOptions {
  readonly store: Store
  /** Clients of the configuration as it is now. */
  readonly fileClients: () => readonly ClientSettings[]
}

type ClientManagement = Pick<Management, 'listClients' | 'getClient' | 'createClient' | 'updateClient' | 'deleteClient'>

export function localClients({ store, fileClients }: LocalClientOptions): ClientManagement {
  const declared = (id: string) => fileClients().find((client) => client.id === id)

  return {
    async listClients() {
      const ofFile = fileClients().map(declaredRecord)
      const others = (await allOf(store, kinds.client)).map((record) => shown(readStoredClient(record)))
      return [...ofFile, ...others.filter(({ id }) => !declared(id))]
    },

    async getClient(id, { showSecret } = { showSecret: false }) {
      const client = declared(id)
      if (client) return { ...declaredRecord(client), ...secretOf(showSecret ? client.secret?.reveal() : undefined) }
      const record = await store.get(kinds.client, id)
      if (!record) throw missing('show', 'client', id)
      const stored = readStoredClient(record)
      return { ...shown(stored), ...secretOf(showSecret ? stored.secret : undefined) }
    },

    async createClient(given) {
      const isPublic = given.public === true
      const client: StoredClient = {
        id: given.id || randomText(16),
        name: given.name ?? '',
        // A public client keeps no secret that deserves the name; one that is given is insisted on, as Dex does.
        secret: given.secret || (isPublic ? undefined : randomText(32)),
        redirectUris: given.redirectUris ?? [],
        trustedPeers: given.trustedPeers ?? [],
        public: isPublic,
        logoUrl: given.logoUrl ?? '',
        rules: { ...usualRules, ...given.rules },
      }
      check(client)
      const isNew = !declared(client.id) && (await store.put(recordOf(client), { ifVersion: 0 })) !== undefined
      if (!isNew) throw taken('client', client.id)
      return { ...shown(client), ...secretOf(client.secret) }
    },

    async updateClient({ id, rules, ...change }) {
      if (declared(id)) throw readOnly('update', 'client', id)
      return await untilWritten('client', id, async () => {
        const found = await store.get(kinds.client, id)
        if (!found) throw missing('update', 'client', id)
        const old = readStoredClient(found)
        const client: StoredClient = { ...old, ...change, rules: { ...old.rules, ...rules } }
        check(client)
        const version = await store.put(recordOf(client), { ifVersion: found.version })
        return version === undefined ? undefined : shown(client)
      })
    },

    async deleteClient(id) {
      if (declared(id)) throw readOnly('delete', 'client', id)
      if (!(await store.delete(kinds.client, id))) throw missing('delete', 'client', id)
    },
  }
}

function recordOf(client: StoredClient) {
  return { kind: kinds.client, id: client.id, value: printStoredClient(client) }
}

/** Field by field: what is not named here (a secret) stays behind. */
function declaredRecord(client: ClientSettings): ClientRecord {
  const { id, name, redirectURIs, trustedPeers, public: isPublic, logoURL } = client
  const { postLogoutRedirectURIs, backchannelLogoutURI, refreshTokenLifetime, allowedConnectors, pkce, groups } = client
  const rules = {
    postLogoutRedirectUris: postLogoutRedirectURIs,
    backchannelLogoutUri: backchannelLogoutURI ?? '',
    groups: groups ?? usualRules.groups,
    ...{ refreshTokenLifetime, allowedConnectors, pkce },
  }
  const record = { id, name, redirectUris: redirectURIs, trustedPeers, public: isPublic, logoUrl: logoURL }
  return { ...record, rules, origin: 'file' }
}

function secretOf(secret: string | undefined): { readonly secret?: string } {
  return secret === undefined ? {} : { secret }
}

function shown({ secret: _, rules, ...client }: StoredClient): ClientRecord {
  return { ...client, rules: client.public ? { ...rules, pkce: 'required' } : rules, origin: 'store' }
}

function check({ id, name, secret, redirectUris, trustedPeers, logoUrl, rules }: StoredClient): void {
  checkClientId(id)
  checkName('name of a client', name)
  checkAddresses('redirect addresses', redirectUris)
  for (const peer of trustedPeers) checkClientId(peer)
  if (trustedPeers.length > 100) throw new ManagementError('invalid', 'cannot keep more than 100 trusted peers')
  if (logoUrl !== '') checkAddress('the address of a logo', logoUrl)
  checkRules(rules)
  // As a configuration takes them: other letters than ASCII come encoded (RFC 6749 §2.3.1, appendix B).
  if (secret !== undefined && (secret.length > 512 || /[\p{C}]/u.test(secret)))
    throw new ManagementError('invalid', 'cannot use this secret: expected at most 512 letters, digits and signs')
}
