/** The broker inside: whether there is one, and where its own configuration stands. */
import { settingType } from './setting-type.ts'

/** Read by `dex/read-broker.ts`, which knows what the map means. */
const brokerDocument = () =>
  settingType('path of a Dex configuration, or the configuration itself (a map)', (raw): unknown => raw)

export const brokerSettings = {
  broker: brokerDocument().optional().meta({
    doc: "An identity broker in this process: Dex's `config.yaml` or the values of its chart, by path or as a map; see broker-reference.md. `serve --broker FILE` does the same, and wins. Where `idp_provider_url` is not set, people sign in there.",
    pomerium: 'Only here.',
    fileOnly: true,
  }),
}
