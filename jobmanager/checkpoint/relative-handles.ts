/**
 * `_metadata` names the objects that lie beside it by relative paths, so that a savepoint's folder
 * (or the whole `checkpoints` folder of a job) can be copied and moved: `tm-1-1` in the folder itself,
 * `../shared/7-tm-1-1` in the one around it. What lies elsewhere keeps its URI. Pure functions.
 */
import type { CheckpointMetadata } from '../../shared/checkpoint/checkpoint-metadata.ts';
import { mapMetadata } from '../../shared/checkpoint/snapshot-handles.ts';
import { isUri, joinUri, parentFolder, relativePath } from '../../shared/filesystem/uri.ts';

const UP = '../';

/** As it is written. */
export function withRelativeUris(folder: string, metadata: CheckpointMetadata): CheckpointMetadata {
  return mapUris(metadata, (uri) => relativeUri(folder, uri));
}

/** As everybody else knows it; `folder` is where it was found. Throws where it leads elsewhere. */
export function withAbsoluteUris(folder: string, metadata: CheckpointMetadata): CheckpointMetadata {
  return mapUris(metadata, (uri) => absoluteUri(folder, uri));
}

function relativeUri(folder: string, uri: string): string {
  const inside = relativePath(folder, uri);
  if (inside !== null) return inside;
  const parent = parentFolder(folder);
  const beside = parent === null ? null : relativePath(parent, uri);
  return beside === null ? uri : `${UP}${beside}`;
}

function absoluteUri(folder: string, uri: string): string {
  if (isUri(uri)) return uri;
  if (!uri.startsWith(UP)) return joinUri(folder, uri);
  return joinUri(parentFolder(folder) ?? folder, uri.slice(UP.length));
}

function mapUris(metadata: CheckpointMetadata, map: (uri: string) => string): CheckpointMetadata {
  return mapMetadata(metadata, (handle) =>
    handle.kind === 'object' ? { ...handle, uri: map(handle.uri) } : handle,
  );
}
