/** Where the files of a model lie: beside each other. */
import { posix } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { SluiceError } from '../errors/sluice-error.ts';
import type { FileSystemRegistry } from '../filesystem/filesystem-registry.ts';
import { fileName, formatUri, isUri, parseUri } from '../filesystem/uri.ts';
import { modelError } from './model-errors.ts';

/** Protobuf allows no larger file. */
const MODEL_BYTES_MAX = 2 * 1024 ** 3;
const LABELS_BYTES_MAX = 16 * 1024 ** 2;

/** What a file means by `reference`: a URI, or a path relative to the file at `uri`. */
export function resolveBeside(uri: string, reference: string): string {
  if (isUri(reference)) return formatUri(parseUri(reference));
  const parsed = parseUri(uri);
  const folder = posix.dirname(posix.resolve('/', parsed.path));
  const path = posix.resolve(folder, reference);
  return formatUri({ ...parsed, path: parsed.scheme === 'file' ? path : path.slice(1) });
}

/** `mobilenetv2` of `s3://models/mobilenetv2.onnx`. */
export function fileStem(uri: string): string {
  return fileName(uri).replace(/\.[^.]+$/, '');
}

export async function readModelFile(
  uri: string,
  fileSystems: FileSystemRegistry,
): Promise<Uint8Array> {
  try {
    return (await fileSystems.forUri(uri).read(uri, { sizeMax: MODEL_BYTES_MAX })).bytes;
  } catch (error) {
    if (!isMissing(error)) throw error;
    const near = await nearNames(uri, fileSystems);
    const hint = near.length === 0 ? undefined : `In the same folder: ${near.join(', ')}.`;
    throw modelError('MODEL_NOT_FOUND', uri, `There is no model at ${uri}.`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/**
 * A label a line, in index order; empty lines at the end do not count. The synset ids that ImageNet
 * lists begin with (`n01440764 tench`) are cut off.
 */
export async function readLabels(uri: string, fileSystems: FileSystemRegistry): Promise<string[]> {
  let bytes: Uint8Array;
  try {
    bytes = (await fileSystems.forUri(uri).read(uri, { sizeMax: LABELS_BYTES_MAX })).bytes;
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw modelError('FILE_NOT_FOUND', uri, `There is no labels file at ${uri}.`, { cause: error });
  }
  return parseLabels(new TextDecoder().decode(bytes));
}

export function parseLabels(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const synset = /^n\d{8}\s+/;
  const haveSynsets = lines.length > 0 && lines.every((line) => synset.test(line));
  return haveSynsets ? lines.map((line) => line.replace(synset, '')) : lines;
}

export function isMissing(error: unknown): boolean {
  return error instanceof SluiceError && error.code === 'STORAGE_NOT_FOUND';
}

const NEAR_NAMES_MAX = 5;

/** Models in the same folder, the most similar names first. */
async function nearNames(uri: string, fileSystems: FileSystemRegistry): Promise<string[]> {
  const wanted = fileName(uri);
  const folder = resolveBeside(uri, '.');
  try {
    const page = await fileSystems.forUri(uri).list(`${folder}/`.replace(/\/+$/, '/'));
    return page.files
      .map((file) => file.uri)
      .filter((found) => resolveBeside(found, '.') === folder)
      .map(fileName)
      .filter((name) => /\.(onnx|ya?ml)$/.test(name))
      .sort((left, right) => distance(left, wanted) - distance(right, wanted))
      .slice(0, NEAR_NAMES_MAX);
  } catch {
    // Only a help: the message without it is complete.
    return [];
  }
}
