export { compareConfigs, withLiveKeys, type ConfigChanges, type LiveKey } from './changes.ts';
export { runConfigCommand, type Output } from './command.ts';
export { ConfigError, formatProblem, type ConfigProblem } from './config-error.ts';
export { defaultConfig } from './defaults.ts';
export {
  checkConfig,
  DEFAULT_CONFIG_FILE,
  diskFiles,
  loadConfig,
  type CheckedConfig,
  type ConfigFiles,
} from './load.ts';
export type { NamedFileChecks } from './named-files.ts';
export { configReference } from './reference.ts';
export { defaultToml, dumpToml } from './render-toml.ts';
export type { Config } from './schema.ts';
export { usage } from './usage.ts';
