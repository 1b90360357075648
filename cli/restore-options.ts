import { type Command, Option } from 'commander';
import { SluiceError } from '../shared/errors/sluice-error.ts';
import type { SubmitJobRequest } from '../shared/rest/rest-types.ts';
import { locationOf } from './storage-location.ts';

export interface RestoreFlags {
  readonly from?: string;
  readonly allowDroppedState?: boolean;
}

/** What a job starts from, of the commands that start one. */
export function addRestoreOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--from <location>', 'start from this savepoint or checkpoint').argParser(
        locationOf,
      ),
    )
    .option('--allow-dropped-state', 'leave behind state in it that no node of the pipeline takes');
}

export function restoreFields(
  flags: RestoreFlags,
): Pick<SubmitJobRequest, 'restoreFrom' | 'allowDroppedState'> {
  const { from, allowDroppedState } = flags;
  if (from !== undefined) {
    return { restoreFrom: from, ...(allowDroppedState === true ? { allowDroppedState } : {}) };
  }
  if (allowDroppedState !== true) return {};
  throw new SluiceError('ARGUMENT_INVALID', '--allow-dropped-state is about a savepoint', {
    domain: 'user',
    hint: 'name the savepoint with --from',
  });
}
