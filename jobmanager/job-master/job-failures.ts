import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { Execution } from '../execution-graph/execution-graph.ts';

/** What goes wrong with a job in the job manager's own eyes. */

export function withoutReason(execution: Execution): SerializedError {
  return taskError(
    'TASK_FAILED',
    'the task failed, and its task manager gave no reason',
    execution,
  );
}

export function cancelledUnasked(execution: Execution): SerializedError {
  return taskError('CANCELLED', 'the task manager cancelled the task by itself', execution);
}

export function notAdopted(execution: Execution): SerializedError {
  const { taskManagerId } = execution.slot;
  const message = `task manager ${taskManagerId} did not report the task to the new job manager`;
  return { ...taskError('TASK_FAILED', message, execution), code: 'TASK_MANAGER_LOST' };
}

export function notCancelled(execution: Execution, timeoutMs: number): SerializedError {
  const message = `the task did not end within ${timeoutMs / 1000} s of being cancelled`;
  return taskError('TASK_FAILED', message, execution);
}

function taskError(
  code: 'TASK_FAILED' | 'CANCELLED',
  message: string,
  execution: Execution,
): SerializedError {
  const context = { host: execution.slot.hostName };
  return { code, message, domain: 'internal', retry: 'restart-job', context, causes: [] };
}

/** `after`: what the job was to be started again for. */
export function noResources(options: {
  readonly timeoutMs: number;
  readonly reason: string | null;
  readonly after: SerializedError | null;
}): SerializedError {
  const { timeoutMs, after } = options;
  const reason = options.reason ?? 'no task manager is registered';
  const what = after === null ? 'for the job' : 'to start the job again';
  return {
    code: 'RESOURCE_UNAVAILABLE',
    message: `no slots ${what} within ${timeoutMs / 1000} s: ${reason}`,
    domain: 'user',
    retry: 'none',
    context: {},
    hint: 'add task managers, end other jobs, or ask for a lower parallelism',
    causes: after === null ? [] : [after.message],
  };
}
