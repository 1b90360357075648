/**
 * `sluice.yaml` → values with their lines, or everything that is wrong with it, each mistake at its
 * place. Paths in the file are relative to the folder it lies in.
 */
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { SluiceError } from '../errors/sluice-error.ts';
import { nearest, suggest } from '../pipeline/did-you-mean.ts';
import { type LocatedEntry, type LocatedMap, toPlain } from '../pipeline/located-value.ts';
import { parseYaml, type YamlDialect } from '../pipeline/parse-yaml.ts';
import { PipelineSource } from '../pipeline/pipeline-source.ts';
import type { ConfigType } from './config-key.ts';
import {
  CONFIG_KEYS,
  type ConfigKeyName,
  findConfigKey,
  type KnownConfigKey,
} from './config-keys.ts';
import { valueFromYaml } from './config-value.ts';
import type { GivenValue } from './effective-config.ts';

export const CONFIG_BYTES_MAX = 256 * 1024;

const CONFIGURATION: YamlDialect = {
  code: 'CONFIG_INVALID',
  noun: 'configuration',
  topMessage: 'a configuration is a map of keys such as "storage" and "jobManager"',
  aliasHint: 'Write the value out.',
  bytesMax: CONFIG_BYTES_MAX,
};

export interface ConfigFileResult {
  readonly given: ReadonlyMap<ConfigKeyName, GivenValue>;
  readonly problems: readonly SluiceError[];
}

/** Throws FILE_NOT_FOUND where the file cannot be read. */
export async function readConfigFile(path: string): Promise<ConfigFileResult> {
  return parseConfig({ fileName: path, text: await readBounded(path) });
}

/** Reads no more than can be right: the path may name a device. */
async function readBounded(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const bytes = Buffer.alloc(CONFIG_BYTES_MAX + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return bytes.toString('utf8', 0, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = isMissing ? 'there is no such file' : (error as Error).message;
    throw new SluiceError('FILE_NOT_FOUND', `cannot read the configuration ${path}: ${reason}`, {
      domain: 'user',
      context: { file: path },
      hint: 'give the path of a sluice.yaml with --config or SLUICE_CONFIG, or neither',
      cause: isMissing ? undefined : error,
    });
  }
}

export function parseConfig(file: {
  readonly fileName: string;
  readonly text: string;
}): ConfigFileResult {
  const source = new PipelineSource(file.fileName, file.text);
  // A file with nothing but comments sets nothing.
  if (/^\s*(#.*)?$/.test(file.text.replaceAll(/^\s*#.*$/gm, ''))) {
    return { given: new Map(), problems: [] };
  }
  const parsed = parseYaml(source, CONFIGURATION);
  if (!parsed.ok) return { given: new Map(), problems: parsed.problems.map(withoutSecrets) };
  source.root = parsed.root;
  const reader = new ConfigReader(source);
  reader.section(parsed.root, []);
  return { given: reader.given, problems: reader.problems.map(withoutSecrets) };
}

class ConfigReader {
  readonly given = new Map<ConfigKeyName, GivenValue>();
  readonly problems: SluiceError[] = [];
  readonly #source: PipelineSource;
  readonly #baseDirectory: string;

  constructor(source: PipelineSource) {
    this.#source = source;
    this.#baseDirectory = dirname(resolve(source.fileName));
  }

  section(map: LocatedMap, path: readonly string[]): void {
    for (const [name, entry] of map.entries) {
      const inner = [...path, name];
      const key = findConfigKey(inner.join('.'));
      if (key !== null) this.#value(key, inner, entry);
      else if (childrenOf(inner).length > 0) this.#subsection(inner, entry);
      else this.#unknown(inner);
    }
  }

  #subsection(path: readonly string[], { value }: LocatedEntry): void {
    if (value.kind === 'map') {
      this.section(value, path);
      return;
    }
    // `client:` with nothing below sets nothing.
    if (value.kind === 'scalar' && value.value === null) return;
    const message = `"${path.join('.')}" must be a map`;
    const hint = `Keys: ${childrenOf(path).join(', ')}`;
    this.#problem(path, { message, hint });
  }

  #value(key: KnownConfigKey, path: readonly string[], { value }: LocatedEntry): void {
    const name = path.join('.');
    const raw = toPlain(value);
    if (raw === null) {
      const message = `"${name}" has no value`;
      this.#problem(path, { message, hint: 'Leave the line out for the default.', on: 'key' });
      return;
    }
    const result = valueFromYaml(key.type, raw, this.#baseDirectory);
    if (!result.ok) {
      const isSecret = key.isSecret === true;
      const complaint = isSecret ? 'is no text of one line' : result.complaint;
      const hint = isSecret ? 'Put it in quotes.' : hintOf(key.type, raw);
      this.#problem(path, { message: `"${name}" ${complaint}`, hint });
      return;
    }
    const line = this.#source.lineOf(path);
    this.given.set(key.key, {
      value: result.value,
      origin: { from: 'file', file: this.#source.fileName, line },
    });
  }

  #unknown(path: readonly string[]): void {
    const name = path.at(-1) ?? '';
    const parent = path.slice(0, -1);
    const children = childrenOf(parent);
    const elsewhere =
      nearest(name, children) === null
        ? CONFIG_KEYS.find(({ key }) => key.endsWith(`.${name}`))?.key
        : undefined;
    const message = `unknown key "${path.join('.')}"`;
    const hint =
      elsewhere === undefined
        ? suggest(name, 'Keys', children)
        : `did you mean "${elsewhere}"? Keys: ${children.join(', ')}`;
    this.#problem(path, { message, hint, on: 'key' });
  }

  #problem(
    path: readonly string[],
    details: {
      readonly message: string;
      readonly hint?: string | undefined;
      readonly on?: 'key' | 'value';
    },
  ): void {
    const { message, hint, on = 'value' } = details;
    this.problems.push(
      this.#source.problemAt({ path, on }, { code: 'CONFIG_INVALID', message, hint }),
    );
  }
}

/** The names that may stand below a path, each once. */
function childrenOf(path: readonly string[]): string[] {
  const prefix = path.map((step) => `${step}.`).join('');
  const names = CONFIG_KEYS.filter(({ key }) => key.startsWith(prefix)).map(
    ({ key }) => key.slice(prefix.length).split('.')[0] ?? '',
  );
  return [...new Set(names)];
}

function hintOf(type: ConfigType, raw: unknown): string | undefined {
  if (type.kind === 'enum') return suggest(String(raw), 'Allowed', type.values);
  const isText = ['text', 'path', 'location'].includes(type.kind);
  const looksOtherwise = typeof raw === 'number' || typeof raw === 'boolean';
  return isText && looksOtherwise ? `Put it in quotes: "${raw}"` : undefined;
}

/** A line with a token is not shown. */
function withoutSecrets(problem: SluiceError): SluiceError {
  const { source, ...place } = problem.context;
  if (typeof source !== 'string' || !/\btoken\b/i.test(source)) return problem;
  return new SluiceError(problem.code, problem.message, {
    domain: problem.domain,
    context: place,
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
}
