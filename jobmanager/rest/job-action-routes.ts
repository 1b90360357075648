import { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { formatUri, parseUri } from '../../shared/filesystem/uri.ts';
import { savepointAnswerSchema } from '../../shared/rest/checkpoint-schemas.ts';
import { jobDetailSchema, submitJobAnswerSchema } from '../../shared/rest/job-schemas.ts';
import {
  jobIdSchema,
  savepointRequestSchema,
  stopJobRequestSchema,
  submitJobRequestSchema,
} from '../../shared/rest/rest-schemas.ts';
import type { SavepointRequest, SubmitJobRequest } from '../../shared/rest/rest-types.ts';
import type { CompileResult } from '../compile/compile-port.ts';
import { problemOfPipeline } from './problem.ts';
import type { RestHandlers } from './rest-handlers.ts';
import { type Answer, type RestRoute, route } from './route.ts';

/** Models may have to be fetched to check the pipeline against them. */
const COMPILE_TIMEOUT_MS = 120_000;

const params = z.strictObject({ id: jobIdSchema });

const submitAnswers = { 201: submitJobAnswerSchema, 200: submitJobAnswerSchema };

/** What can be done with jobs. */
export function jobActionRoutes(handlers: RestHandlers): RestRoute[] {
  const { leading } = handlers;
  return [
    route({
      method: 'POST',
      path: '/v1/jobs',
      role: 'operator',
      audit: 'job.submit',
      summary: 'Runs a pipeline. 200 instead of 201: with `resume`, the job was there already.',
      command: 'sluice submit',
      body: submitJobRequestSchema,
      answers: submitAnswers,
      handle: ({ body }) => submitJob(handlers, body),
    }),
    route({
      method: 'POST',
      path: '/v1/jobs/:id/cancel',
      role: 'operator',
      audit: 'job.cancel',
      summary: 'Ends a job at once; part files that are not finished are discarded.',
      command: 'sluice cancel',
      params,
      answers: { 202: jobDetailSchema },
      handle: ({ params: { id } }) => ({ status: 202, body: leading().dispatcher.cancel(id) }),
    }),
    route({
      method: 'POST',
      path: '/v1/jobs/:id/stop',
      role: 'operator',
      audit: 'job.stop',
      summary: 'Ends a job cleanly: 202 at once. With `savepoint` 200, once it has ended with one.',
      command: 'sluice stop',
      params,
      body: stopJobRequestSchema,
      answers: { 202: jobDetailSchema, 200: savepointAnswerSchema },
      handle: async ({ params: { id }, body }) => {
        const { dispatcher } = leading();
        if (body.savepoint === true) {
          const path = await dispatcher.stopWithSavepoint(id, targetOf(body));
          return { status: 200, body: { path } };
        }
        if (body.directory !== undefined) throw directoryAlone();
        return { status: 202, body: dispatcher.stop(id) };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/jobs/:id/savepoints',
      role: 'operator',
      audit: 'job.savepoint',
      summary: "Stores a job's state to start from later; the answer comes once it is stored.",
      command: 'sluice savepoint',
      params,
      body: savepointRequestSchema,
      answers: { 200: savepointAnswerSchema },
      handle: async ({ params: { id }, body }) => {
        const path = await leading().dispatcher.savepoint(id, targetOf(body));
        return { status: 200, body: { path } };
      },
    }),
  ];
}

async function submitJob(
  handlers: RestHandlers,
  submission: SubmitJobRequest,
): Promise<Answer<typeof submitAnswers>> {
  // A standby refuses before it compiles anything.
  handlers.leading();
  const compiled = await compileInTime(handlers, submission);
  if (compiled.kind === 'invalid') return { problem: problemOfPipeline(compiled.problems) };
  const { restoreFrom, allowDroppedState, resume } = submission;
  const { jobGraph, warnings } = compiled;
  const { dispatcher } = handlers.leading();
  const resumed = resume === true ? dispatcher.resumable(jobGraph) : null;
  if (resumed !== null) return { status: 200, body: { id: resumed, warnings, resumed: true } };
  const id = await dispatcher.submit(jobGraph, {
    ...(restoreFrom === undefined ? {} : { restoreFrom: absoluteUri(restoreFrom) }),
    ...(allowDroppedState === undefined ? {} : { allowDroppedState }),
  });
  return {
    status: 201,
    body: { id, warnings, resumed: false },
    headers: { location: `/v1/jobs/${id}` },
  };
}

function targetOf({ directory }: SavepointRequest): { readonly directory: string | null } {
  return { directory: directory === undefined ? null : absoluteUri(directory) };
}

/** Paths mean something on the caller's machine only. */
function absoluteUri(location: string): string {
  return formatUri(parseUri(location));
}

function directoryAlone(): SluiceError {
  return new SluiceError('ARGUMENT_INVALID', 'a directory is for a savepoint: say savepoint too', {
    domain: 'user',
    context: { field: 'directory' },
  });
}

function compileInTime(handlers: RestHandlers, request: SubmitJobRequest): Promise<CompileResult> {
  return new Promise((resolve, reject) => {
    const cancelTimer = handlers.clock.setTimer(COMPILE_TIMEOUT_MS, () => {
      const seconds = COMPILE_TIMEOUT_MS / 1000;
      reject(
        new SluiceError('NETWORK_TIMEOUT', `the pipeline was not checked within ${seconds} s`, {
          domain: 'external',
          hint: 'see whether the storage that holds its models answers',
        }),
      );
    });
    handlers.compile(request).then(resolve, reject).finally(cancelTimer);
  });
}
