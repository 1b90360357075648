/**
 * `sluice models pull <name>`: fetches a public model with its labels and writes the model.yaml that
 * makes it ready to use. The file becomes visible only after its checksum was verified.
 */
import { createHash } from 'node:crypto';
import { closest } from 'fastest-levenshtein';
import { SluiceError } from '../errors/sluice-error.ts';
import type { FileSystemRegistry } from '../filesystem/filesystem-registry.ts';
import { fileName, joinUri } from '../filesystem/uri.ts';
import type { Clock } from '../time/clock.ts';
import { download } from './download.ts';
import { MODEL_ZOO_URL, PUBLIC_MODELS, type PublicModel } from './manifest.ts';
import { modelError } from './model-errors.ts';
import { isMissing, parseLabels } from './model-location.ts';
import type { ModelSpec } from './model-spec.ts';
import { modelYamlTemplate } from './model-template.ts';
import { resolveModel } from './resolve-model.ts';

export interface PullOptions {
  readonly name: string;
  /** The folder, as a URI, in which a folder of the model's name is made. */
  readonly directory: string;
  readonly fileSystems: FileSystemRegistry;
  readonly clock: Clock;
  /** Default: the environment's SLUICE_MODELS_URL, or the ONNX model zoo. */
  readonly baseUrl?: string;
  /** Default: the models of this version of Sluice. */
  readonly models?: readonly PublicModel[];
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
}

export interface PullProgress {
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface PulledModel {
  readonly model: ModelSpec;
  /** What a pipeline names. */
  readonly modelYamlUri: string;
  readonly bytes: number;
  /** The file was there already, with the right checksum. */
  readonly isPresent: boolean;
}

const LABELS_BYTES_MAX = 4 * 1024 ** 2;

/** Rejects with ARGUMENT_INVALID, MODEL_CHECKSUM, or with what `download` and the storage say. */
export async function pullModel(options: PullOptions): Promise<PulledModel> {
  const entry = findModel(options.name, options.models ?? PUBLIC_MODELS);
  const baseUrl = options.baseUrl ?? process.env.SLUICE_MODELS_URL ?? MODEL_ZOO_URL;
  const base = baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`;
  const folder = joinUri(options.directory, entry.name);
  const modelUri = joinUri(folder, fileName(`https://zoo/${entry.path}`));
  const fileSystem = options.fileSystems.forUri(modelUri);
  const isPresent = (await presentSha256(modelUri, options.fileSystems)) === entry.sha256;
  if (isPresent) options.onProgress?.({ bytes: entry.bytes, bytesTotal: entry.bytes });
  else await fetchModel(entry, `${base}${entry.path}`, modelUri, options);
  const labels = await fetchLabels(entry, `${base}${entry.labels.path}`, options);
  await fileSystem.put(joinUri(folder, 'labels.txt'), encode(`${labels.join('\n')}\n`));
  const { model } = await resolveModel({
    onnx: { ...descriptionOf(entry), model: modelUri, labels },
    fileSystems: options.fileSystems,
  });
  const comments = [`${entry.title}; ${entry.license}; from ${base}${entry.path}`];
  const yaml = modelYamlTemplate(model, { labels: { file: 'labels.txt' }, comments });
  const modelYamlUri = joinUri(folder, 'model.yaml');
  await fileSystem.put(modelYamlUri, encode(yaml));
  return { model, modelYamlUri, bytes: entry.bytes, isPresent };
}

function findModel(name: string, models: readonly PublicModel[]): PublicModel {
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found;
  const names = models.map((model) => model.name);
  const near = names.length === 0 ? '' : `Did you mean "${closest(name, names)}"? `;
  throw new SluiceError('ARGUMENT_INVALID', `There is no public model "${name}".`, {
    domain: 'user',
    context: { name },
    hint: `${near}Known models: ${names.join(', ')}.`,
  });
}

function descriptionOf(entry: PublicModel) {
  const { resize, color, scale, mean, std } = entry.preprocessing;
  return {
    name: entry.name,
    sha256: entry.sha256,
    output: 'logits' as const,
    preprocessing: {
      color,
      scale,
      mean: [...mean],
      std: [...std],
      ...(resize === null ? {} : { resize }),
    },
  };
}

async function presentSha256(uri: string, fileSystems: FileSystemRegistry): Promise<string | null> {
  try {
    const { bytes } = await fileSystems.forUri(uri).read(uri);
    return createHash('sha256').update(bytes).digest('hex');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function fetchModel(
  entry: PublicModel,
  url: string,
  uri: string,
  options: PullOptions,
): Promise<void> {
  const { clock, signal, onProgress } = options;
  const fileSystem = options.fileSystems.forUri(uri);
  const writer = await fileSystem.openWriter(uri);
  const hash = createHash('sha256');
  try {
    for await (const chunk of download(url, { clock, signal, bytesMax: entry.bytes })) {
      hash.update(chunk);
      await writer.write(chunk);
      onProgress?.({ bytes: writer.position, bytesTotal: entry.bytes });
    }
    const found = hash.digest('hex');
    if (found !== entry.sha256) throw wrongContent(entry, url, found, writer.position);
  } catch (error) {
    await writer.abort();
    throw error;
  }
  // From here the file is what the manifest promises: it may become visible.
  await fileSystem.commit(await writer.closeForCommit());
}

async function fetchLabels(
  entry: PublicModel,
  url: string,
  options: PullOptions,
): Promise<string[]> {
  const { clock, signal } = options;
  const chunks: Uint8Array[] = [];
  for await (const chunk of download(url, { clock, signal, bytesMax: LABELS_BYTES_MAX })) {
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const labels = parseLabels(text);
  if (labels.length === entry.labels.count && isSynsetList(text)) return labels;
  throw modelError(
    'LABELS_MISMATCH',
    url,
    `${url} is not the expected list of ${entry.labels.count} labels (it has ${labels.length} lines).`,
  );
}

/** ImageNet's classes are numbered in the order of their synset ids. */
function isSynsetList(text: string): boolean {
  const ids = text
    .trim()
    .split('\n')
    .map((line) => /^n\d{8}(?=\s)/.exec(line)?.[0] ?? '');
  return ids.every((id, index) => id !== '' && (index === 0 || id > (ids[index - 1] ?? '')));
}

function wrongContent(entry: PublicModel, url: string, found: string, bytes: number): SluiceError {
  return new SluiceError(
    'MODEL_CHECKSUM',
    `${url} is not the expected file: ${bytes} bytes with SHA-256 ${found}, not ${entry.bytes} bytes with ${entry.sha256}.`,
    {
      // What the server sends is not what the user asked for.
      domain: 'external',
      context: { uri: url },
      hint: 'Nothing was written. Try again later, or name another mirror in SLUICE_MODELS_URL.',
    },
  );
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
