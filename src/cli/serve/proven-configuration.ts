/** `--require-tests`: a configuration whose cases fail, or that has none, counts as one with problems. */
import { type Configuration, type ConfigurationOptions, readConfiguration } from '../../config/read-configuration.ts'
import { failedCases } from '../../trial/failed-cases.ts'
import { casesBeside } from '../../trial/read-cases.ts'

/** Reads the configuration and its cases, and decides them. Cases are watched like the configuration itself. */
export async function readProven(options: ConfigurationOptions): Promise<Configuration> {
  const configuration = await readConfiguration(options)
  if (configuration.kind === 'problems') return configuration
  const { settings, tests, watched } = configuration
  const problems = await failedCases(settings, { configuration: options.files, tests, cwd: options.cwd })
  const proven = { ...configuration, watched: [...watched, ...options.files.map(casesBeside)] }
  return problems.length > 0 ? { ...proven, kind: 'problems', problems } : proven
}
