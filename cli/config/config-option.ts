import process from 'node:process';
import { InvalidArgumentError, Option } from 'commander';
import type { ConfigKey, ConfigType, ConfigValue } from '../../shared/config/config-key.ts';
import { type ConfigKeyName, configKey } from '../../shared/config/config-keys.ts';
import { allowedText, valueFromText, valueToYaml } from '../../shared/config/config-value.ts';
import { toUri } from '../../shared/filesystem/uri.ts';

export interface ConfigOptionChanges {
  /** In place of the table's; without a full stop. */
  readonly help?: string;
  /** What holds where nobody says anything, if this command has its own default. */
  readonly preset?: string;
}

/**
 * The option of a configuration key. It has no default in commander's sense: what nobody says on the
 * command line comes from the environment, the file, or the table.
 */
export class ConfigOption extends Option {
  readonly configKey: ConfigKeyName;
  /** The command decides itself what holds where nobody says anything. */
  readonly hasOwnPreset: boolean;

  constructor(name: ConfigKeyName, changes: ConfigOptionChanges = {}) {
    const key = configKey(name);
    if (key.flag === undefined) throw new RangeError(`${name} has no option`);
    super(flagsOf(key), descriptionOf(key, changes));
    this.configKey = name;
    this.hasOwnPreset = changes.preset !== undefined;
    const { type } = key;
    if (type.kind === 'enum') this.choices(type.values);
    else if (type.kind === 'location') this.argParser((text: string) => toUri(text, process.cwd()));
    else if (type.kind === 'map') this.argParser(mapParser(type));
    else if (type.kind !== 'boolean') this.argParser((text: string) => parse(type, text));
  }
}

export function configOption(name: ConfigKeyName, changes?: ConfigOptionChanges): ConfigOption {
  return new ConfigOption(name, changes);
}

function flagsOf({ flag, type, placeholder }: ConfigKey): string {
  return type.kind === 'boolean'
    ? `${flag}`
    : `${flag} <${placeholder ?? PLACEHOLDERS[type.kind]}>`;
}

const PLACEHOLDERS: Readonly<Record<ConfigType['kind'], string>> = {
  text: 'name',
  path: 'file',
  location: 'location',
  url: 'url',
  port: 'port',
  integer: 'n',
  duration: 'duration',
  size: 'size',
  boolean: '',
  enum: 'name',
  list: 'list',
  map: 'name=value',
};

function descriptionOf(key: ConfigKey, changes: ConfigOptionChanges): string {
  const preset = changes.preset ?? presetOf(key);
  const details = [...(preset === null ? [] : [`default: ${preset}`]), `env: ${key.variable}`];
  return `${changes.help ?? key.help ?? lowerFirst(key.meaning)} (${details.join(', ')})`;
}

/** Null where nothing, or nothing worth saying, is the default. */
function presetOf({ preset, presetText, type }: ConfigKey): string | null {
  if (presetText !== undefined) return presetText.replaceAll('`', '');
  if (preset === null || preset === false || type.kind === 'map') return null;
  return String(valueToYaml(type, preset));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '');
}

function parse(type: ConfigType, text: string): ConfigValue {
  const result = valueFromText(type, text, process.cwd());
  if (result.ok) return result.value;
  throw new InvalidArgumentError(`It must be ${allowedText(type)}.`);
}

/** Repeatable: each adds an entry. */
function mapParser(type: Extract<ConfigType, { readonly kind: 'map' }>) {
  return (text: string, previous: Readonly<Record<string, string>> = {}) => {
    const [name = '', value, ...rest] = text.split('=');
    if (name === '' || value === undefined || rest.length > 0) {
      throw new InvalidArgumentError('It must be name=value.');
    }
    const entries = { ...previous, [name]: value };
    if (Object.keys(entries).length > type.entriesMax) {
      throw new InvalidArgumentError(`There may be ${type.entriesMax} at most.`);
    }
    return entries;
  };
}
