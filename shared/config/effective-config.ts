import type { ConfigValue } from './config-key.ts';
import { CONFIG_KEYS, type ConfigKeyName, type ConfigValueOf, configKey } from './config-keys.ts';

/** Where a value was said. */
export type ConfigOrigin =
  | { readonly from: 'default' }
  | { readonly from: 'file'; readonly file: string; readonly line: number }
  | { readonly from: 'environment'; readonly variable: string }
  | { readonly from: 'command line'; readonly flag: string };

/** Null takes a value away: `--no-storage`. */
export interface GivenValue {
  readonly value: ConfigValue | null;
  readonly origin: ConfigOrigin;
}

export type GivenValues = ReadonlyMap<ConfigKeyName, GivenValue>;

/** What holds: of each key the value that was said with the highest precedence, or the default. */
export class EffectiveConfig {
  /** The file that was read; null: none. Absolute. */
  readonly file: string | null;
  readonly #given: GivenValues;

  constructor(file: string | null, given: GivenValues) {
    this.file = file;
    this.#given = given;
  }

  /** Null: not set, and there is no default that is a value. */
  get<K extends ConfigKeyName>(name: K): ConfigValueOf<K> | null {
    return this.entry(name).value as ConfigValueOf<K> | null;
  }

  /** Only what somebody said; undefined leaves it to whoever asks. */
  given<K extends ConfigKeyName>(name: K): ConfigValueOf<K> | undefined {
    const value = this.#given.get(name)?.value ?? undefined;
    return value as ConfigValueOf<K> | undefined;
  }

  entry(name: ConfigKeyName): GivenValue {
    return this.#given.get(name) ?? { value: configKey(name).preset, origin: { from: 'default' } };
  }

  /** Every key with its value and where that comes from, in the order of the table. */
  entries(): readonly (GivenValue & { readonly key: ConfigKeyName })[] {
    return CONFIG_KEYS.map(({ key }) => ({ key, ...this.entry(key) }));
  }
}

/** `sluice.yaml:4`, `SLUICE_REST_PORT`, `--rest-port`, `default`. */
export function originText(origin: ConfigOrigin): string {
  switch (origin.from) {
    case 'default':
      return 'default';
    case 'file':
      return `${origin.file}:${origin.line}`;
    case 'environment':
      return origin.variable;
    case 'command line':
      return origin.flag;
    default:
      return origin satisfies never;
  }
}
