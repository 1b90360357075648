/**
 * Between commander and the configuration: before a command with options of configuration keys runs,
 * its file and its environment are read, and what they say becomes the options' values.
 */
import process from 'node:process';
import { type Command, Option } from 'commander';
import type { ConfigScope, ConfigValue } from '../../shared/config/config-key.ts';
import {
  CONFIG_FILE_VARIABLE,
  CONFIG_KEYS,
  type ConfigKeyName,
  configKey,
} from '../../shared/config/config-keys.ts';
import type { EffectiveConfig, GivenValue } from '../../shared/config/effective-config.ts';
import { loadConfig } from '../../shared/config/load-config.ts';
import { ConfigOption } from './config-option.ts';

const scopesOf = new WeakMap<Command, readonly ConfigScope[]>();
const fileFinders = new WeakMap<Command, (command: Command) => Promise<string | null>>();
const configs = new WeakMap<Command, EffectiveConfig>();

/** Whose keys a command looks at. Default: the client's. */
export function withConfigScopes(command: Command, ...scopes: readonly ConfigScope[]): Command {
  scopesOf.set(command, scopes);
  return command;
}

/** Where a command finds its file when nobody names one. */
export function withConfigFile(
  command: Command,
  find: (command: Command) => Promise<string | null>,
): Command {
  fileFinders.set(command, find);
  return command;
}

/** What holds for a command that runs. */
export function configOf(command: Command): EffectiveConfig {
  const config = configs.get(command);
  if (config === undefined) throw new RangeError(`${command.name()} has no configuration`);
  return config;
}

/** Gives every command that has options of configuration keys `--config`, and reads it. */
export function installConfig(program: Command): void {
  for (const command of commandsOf(program)) {
    if (configOptionsOf(command).length === 0) continue;
    command.addOption(
      new Option('--config <file>', `a sluice.yaml with settings (env: ${CONFIG_FILE_VARIABLE})`),
    );
  }
  program.hook('preAction', async (_program, command) => {
    if (configOptionsOf(command).length > 0) await readConfig(command);
  });
}

async function readConfig(command: Command): Promise<void> {
  const scopes = scopesOf.get(command) ?? ['client'];
  const config = await loadConfig({
    file: fileOf(command) ?? (await fileFinders.get(command)?.(command)) ?? null,
    environment: process.env,
    commandLine: commandLineOf(command),
    scopes,
    workingDirectory: process.cwd(),
  });
  configs.set(command, config);
  for (const option of configOptionsOf(command)) {
    const name = option.attributeName();
    if (command.getOptionValueSource(name) === 'cli') continue;
    const { configKey: key, hasOwnPreset } = option;
    const value = hasOwnPreset ? config.given(key) : config.get(key);
    if (value !== null) command.setOptionValueWithSource(name, value, 'config');
  }
  if (scopes.includes('client')) setClientValues(command, config);
}

/** What every connection to a cluster needs, as if each had an option on this command. */
function setClientValues(command: Command, config: EffectiveConfig): void {
  for (const { key, appliesTo } of CONFIG_KEYS) {
    const name = clientAttribute(key);
    if (!appliesTo.includes('client') || command.getOptionValue(name) !== undefined) continue;
    const value = config.get(key);
    if (value !== null) command.setOptionValueWithSource(name, value, 'config');
  }
}

/** `client.tokenFile` → `tokenFile`, `s3.endpoint` → `s3Endpoint`: as commander names the options. */
function clientAttribute(key: ConfigKeyName): string {
  const { flag } = configKey(key);
  if (flag === undefined) return key.split('.').at(-1) ?? key;
  return flag.slice(2).replaceAll(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

function commandLineOf(command: Command): ReadonlyMap<ConfigKeyName, GivenValue> {
  const given = new Map<ConfigKeyName, GivenValue>();
  for (const option of configOptionsOf(command)) {
    const name = option.attributeName();
    if (command.getOptionValueSource(name) !== 'cli') continue;
    const value = command.getOptionValue(name) as ConfigValue;
    const { type, flag = '' } = configKey(option.configKey);
    // `--no-storage` takes away what the file says.
    const isTakenAway = value === false && type.kind !== 'boolean';
    given.set(option.configKey, {
      value: isTakenAway ? null : value,
      origin: { from: 'command line', flag: isTakenAway ? `--no-${flag.slice(2)}` : flag },
    });
  }
  return given;
}

function fileOf(command: Command): string | null {
  const named = (command.getOptionValue('config') as string | undefined) ?? '';
  const file = named === '' ? (process.env['SLUICE_CONFIG'] ?? '') : named;
  return file === '' ? null : file;
}

function configOptionsOf(command: Command): readonly ConfigOption[] {
  return command.options.filter((option) => option instanceof ConfigOption);
}

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}
