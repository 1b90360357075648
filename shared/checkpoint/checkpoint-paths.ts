import { joinUri } from '../filesystem/uri.ts';

/**
 * The layout of the object store: the one place that makes its paths.
 *
 *   <storage>/leader                              the lease of the leading job manager
 *   <storage>/jobs/<job>/job                      the submitted job and what is known of it
 *   <storage>/jobs/<job>/checkpoints/chk-<n>/_metadata
 *   <storage>/jobs/<job>/checkpoints/chk-<n>/<task manager>-<k>   state of one checkpoint only
 *   <storage>/jobs/<job>/checkpoints/shared/…     state that several checkpoints refer to
 *   <savepoint directory>/savepoint-<job>-<n>/…   as chk-<n>; never removed by Sluice
 *
 * A `_metadata` names what lies in its own folder, or beside that, by relative paths.
 */
export class CheckpointPaths {
  readonly storage: string;

  /** `storage` is an absolute URI. */
  constructor(storage: string) {
    this.storage = storage;
  }

  leader(): string {
    return joinUri(this.storage, 'leader');
  }

  jobs(): string {
    return joinUri(this.storage, 'jobs');
  }

  job(jobId: string): string {
    return joinUri(this.jobs(), `${jobId}/job`);
  }

  checkpoints(jobId: string): string {
    return joinUri(this.jobs(), `${jobId}/checkpoints`);
  }

  checkpoint(jobId: string, checkpointId: number): string {
    return checkpointFolder(this.checkpoints(jobId), checkpointId);
  }

  /** State that more than one checkpoint may refer to. */
  shared(jobId: string): string {
    return sharedStateFolder(this.checkpoints(jobId));
  }

  savepoint(directory: string, jobId: string, checkpointId: number): string {
    return joinUri(directory, `savepoint-${jobId}-${checkpointId}`);
  }

  /** Where savepoints go that name no directory. */
  savepoints(): string {
    return joinUri(this.storage, 'savepoints');
  }
}

/** Of a checkpoint's or a savepoint's folder. */
export function metadataUri(folder: string): string {
  return joinUri(folder, '_metadata');
}

export function isMetadataUri(uri: string): boolean {
  return uri.endsWith('/_metadata');
}

/** Of one checkpoint; `checkpoints` is the folder of the job's checkpoints. */
export function checkpointFolder(checkpoints: string, checkpointId: number): string {
  return joinUri(checkpoints, `chk-${checkpointId}`);
}

/** Of the state that several checkpoints refer to. */
export function sharedStateFolder(checkpoints: string): string {
  return joinUri(checkpoints, 'shared');
}
