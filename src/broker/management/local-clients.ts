/** Applications under management: those of the file are shown, those of the store can be changed. */
import type { ClientSettings } from '../../config/dex/broker-settings.ts'
import { randomText } from '../../crypto/random.ts'
import type { Store } from '../store/store.ts'
import { checkAddress, checkAddresses, checkClientId, checkName } from './checked-texts.ts'
import { checkRules } from './client-rules.ts'
import { type ClientRecord, type Management, ManagementError } from './management.ts'
import { allOf, kinds, printStoredClient, readStoredClient, type StoredClient, usualRules } from './records.ts'

export interface LocalClientOptions {
  readonly store: Store
  /** Clients of the configuration as it is now. */
  readonly fileClients: () => readonly ClientSettings[]
}

type ClientManagement = Pick<Management, 'listClients' | 'getClient' | 'createClient' | 'updateClient' | 'deleteClient'>

const ROUNDS = 100

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
      if (!record) throw missing('show', id)
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
      if (declared(client.id)) throw taken(client.id)
      if ((await store.put(recordOf(client), { ifVersion: 0 })) === undefined) throw taken(client.id)
      return { ...shown(client), ...secretOf(client.secret) }
    },

    async updateClient({ id, rules, ...change }) {
      if (declared(id)) throw readOnly('update', id)
      for (let round = 0; round < ROUNDS; round++) {
        const found = await store.get(kinds.client, id)
        if (!found) throw missing('update', id)
        const old = readStoredClient(found)
        const client: StoredClient = { ...old, ...change, rules: { ...old.rules, ...rules } }
        check(client)
        if ((await store.put(recordOf(client), { ifVersion: found.version })) !== undefined) return shown(client)
      }
      throw new ManagementError('conflict', `cannot update client "${id}": others write it all the time`)
    },

    async deleteClient(id) {
      if (declared(id)) throw readOnly('delete', id)
      if (!(await store.delete(kinds.client, id))) throw missing('delete', id)
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

function taken(id: string): ManagementError {
  return new ManagementError('exists', `cannot create client "${id}": the id exists already`)
}

function readOnly(verb: string, id: string): ManagementError {
  return new ManagementError('read-only', `cannot ${verb} client "${id}": it comes from the configuration file`, {
    details: ['change it there, and the broker follows at its next reload'],
  })
}

function missing(verb: string, id: string): ManagementError {
  return new ManagementError('not-found', `cannot ${verb} client ${JSON.stringify(id.slice(0, 128))}: there is none`, {
    details: ['list-client shows those that exist'],
  })
}
