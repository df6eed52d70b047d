/** Rules on addresses that anybody can give themselves. */
import { itemsOf, type LintRule } from '../lint-rule.ts'

export const unverifiedDomain: LintRule = {
  name: 'unverified-domain',
  doc: 'Whoever runs a tenant of Microsoft Entra can give their users any e-mail address, and the provider does not say whether it was verified. With the issuer for all tenants, a rule on a domain or an address opens to them.',
  bad: `idp_provider: azure
idp_provider_url: https://login.microsoftonline.com/common/v2.0
routes:
  - allowed_domains: [corp.test]`,
  rewrite: `idp_provider: azure
idp_provider_url: https://login.microsoftonline.com/YOUR-TENANT-ID/v2.0
routes:
  - allowed_domains: [corp.test]`,
  find: (subject) => {
    const { idp_provider: provider, idp_provider_url: url = '' } = subject.settings
    if (provider !== 'azure' || !/^$|\/(common|organizations|consumers)(\/|$)/.test(url)) return []
    return itemsOf(subject)
      .filter(
        ({ item, helps, block }) =>
          helps && (item.name === 'domain' || item.name === 'email') && !namesTenant(block.items),
      )
      .map(({ owner, item }) => ({
        owner,
        path: item.source,
        message: `every tenant can issue addresses for this ${item.name}: the provider does not verify them`,
        hint: 'name your own tenant in idp_provider_url, or ask for claim/tid in the same and:',
      }))
  },
}

function namesTenant(items: readonly { readonly name: string; readonly subpath: string }[]): boolean {
  return items.some(({ name, subpath }) => name === 'claim' && (subpath === 'tid' || subpath === 'xms_edov'))
}
