/**
 * The configuration of a process: command line over environment over file over defaults. Everything
 * that is wrong is told at once, each mistake with its place.
 */
import { resolve } from 'node:path';
import { SluiceError } from '../errors/sluice-error.ts';
import { checkTogether } from './check-together.ts';
import type { ConfigKey, ConfigScope } from './config-key.ts';
import { CONFIG_KEYS, type ConfigKeyName } from './config-keys.ts';
import { ConfigRefused } from './config-refused.ts';
import { valueFromText } from './config-value.ts';
import { EffectiveConfig, type GivenValue, type GivenValues } from './effective-config.ts';
import { readConfigFile } from './read-config-file.ts';

export interface ConfigSources {
  /** Of `sluice.yaml`; null: none. */
  readonly file: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly commandLine: GivenValues;
  /** Variables of other keys are not looked at: they are somebody else's. */
  readonly scopes: readonly ConfigScope[];
  /** Paths in variables are relative to it. */
  readonly workingDirectory: string;
}

/** Throws ConfigRefused with all mistakes, FILE_NOT_FOUND where the file cannot be read. */
export async function loadConfig(sources: ConfigSources): Promise<EffectiveConfig> {
  const { file, commandLine, workingDirectory } = sources;
  const problems: SluiceError[] = [];
  const given = new Map<ConfigKeyName, GivenValue>();
  if (file !== null) {
    const read = await readConfigFile(file);
    problems.push(...read.problems);
    overlay(given, read.given);
  }
  const environment = readEnvironment(sources);
  problems.push(...environment.problems);
  overlay(given, environment.given);
  overlay(given, commandLine);
  const config = new EffectiveConfig(file === null ? null : resolve(workingDirectory, file), given);
  problems.push(...checkTogether(config, sources.scopes));
  if (problems.length > 0) throw new ConfigRefused(problems);
  return config;
}

/** Two ways to say one thing: whoever says it one way replaces what was said the other way. */
const ALTERNATIVES: readonly ConfigKeyName[] = ['client.token', 'client.tokenFile'];

function overlay(given: Map<ConfigKeyName, GivenValue>, above: GivenValues): void {
  if (ALTERNATIVES.some((key) => above.has(key))) {
    for (const key of ALTERNATIVES) given.delete(key);
  }
  for (const [key, value] of above) given.set(key, value);
}

function readEnvironment({ environment, scopes, workingDirectory }: ConfigSources): {
  readonly given: GivenValues;
  readonly problems: readonly SluiceError[];
} {
  const given = new Map<ConfigKeyName, GivenValue>();
  const problems: SluiceError[] = [];
  for (const key of CONFIG_KEYS.filter((each) => appliesTo(each, scopes))) {
    const { variable, type } = key;
    const text = environment[variable];
    // An empty variable is the shell's way to say none.
    if (text === undefined || text === '') continue;
    const result = valueFromText(type, text, workingDirectory);
    if (result.ok) {
      given.set(key.key, { value: result.value, origin: { from: 'environment', variable } });
    } else {
      const complaint = key.isSecret === true ? 'is no text of one line' : result.complaint;
      problems.push(
        new SluiceError('CONFIG_INVALID', `the environment's ${variable} ${complaint}`, {
          domain: 'user',
          context: { variable },
        }),
      );
    }
  }
  return { given, problems };
}

export function appliesTo(key: ConfigKey, scopes: readonly ConfigScope[]): boolean {
  return key.appliesTo.some((scope) => scopes.includes(scope));
}
