import { styleText } from 'node:util';
import type { JobException } from '../../shared/rest/rest-types.ts';
import { errorText } from './print-error.ts';

/** When, where, what, and what came of it; newest first. */
export function exceptionsText(exceptions: readonly JobException[]): string {
  if (exceptions.length === 0) return 'no failures';
  return exceptions.map(exceptionText).join('\n\n');
}

function exceptionText(exception: JobException): string {
  const { at, outcome, vertexId, vertexName, subtask, taskManagerId, error } = exception;
  const places: string[] = [];
  if (vertexId !== null) {
    places.push(`in task ${vertexName ?? vertexId}${subtask === null ? '' : ` (${subtask + 1})`}`);
  }
  if (taskManagerId !== null) places.push(`on task manager ${taskManagerId}`);
  const head = `${styleText('bold', at)}, the job ${outcome}`;
  return [head, ...places.map((place) => `  ${place}`), errorText(error)].join('\n');
}
