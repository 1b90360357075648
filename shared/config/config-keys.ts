import type { ConfigKey, ValueOfType } from './config-key.ts';
import { CLIENT_KEYS } from './keys/client-keys.ts';
import { COMMON_KEYS } from './keys/common-keys.ts';
import { JOB_MANAGER_KEYS } from './keys/job-manager-keys.ts';
import { TASK_MANAGER_KEYS } from './keys/task-manager-keys.ts';

const ALL = [...COMMON_KEYS, ...JOB_MANAGER_KEYS, ...TASK_MANAGER_KEYS, ...CLIENT_KEYS] as const;

type Known = (typeof ALL)[number];

/** `jobManager.restPort` and so on. */
export type ConfigKeyName = Known['key'];

/** What a key's value is: `number` of `jobManager.restPort`. */
export type ConfigValueOf<K extends ConfigKeyName> = ValueOfType<
  Extract<Known, { readonly key: K }>['type']
>;

export interface KnownConfigKey extends ConfigKey {
  readonly key: ConfigKeyName;
}

/**
 * Everything that can be set, in the order of the documentation: the one source of truth for
 * `sluice.yaml`, the environment, the command line and docs/configuration.md.
 */
export const CONFIG_KEYS: readonly KnownConfigKey[] = ALL;

/** The variable that names the file. */
export const CONFIG_FILE_VARIABLE = 'SLUICE_CONFIG';

const byName = new Map<string, KnownConfigKey>(CONFIG_KEYS.map((entry) => [entry.key, entry]));

export function configKey(name: ConfigKeyName): KnownConfigKey {
  const found = byName.get(name);
  if (found === undefined) throw new RangeError(`there is no key ${name}`);
  return found;
}

export function findConfigKey(name: string): KnownConfigKey | null {
  return byName.get(name) ?? null;
}
