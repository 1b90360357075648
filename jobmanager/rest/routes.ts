import process from 'node:process';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { formatUri, parseUri } from '../../shared/filesystem/uri.ts';
import {
  jobIdSchema,
  savepointRequestSchema,
  stopJobRequestSchema,
  submitJobRequestSchema,
} from '../../shared/rest/rest-schemas.ts';
import type {
  ClusterOverview,
  SavepointAnswer,
  SavepointRequest,
  SubmitJobAnswer,
  SubmitJobRequest,
} from '../../shared/rest/rest-types.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { CompilePort, CompileResult } from '../compile/compile-port.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import type { JobControl } from './job-control.ts';
import { PROBLEM_JSON, problemOfPipeline } from './problem.ts';

export interface RestHandlers {
  readonly dispatcher: JobControl;
  readonly resourceManager: ResourceManager;
  readonly compile: CompilePort;
  readonly metrics: Registry;
  readonly clock: Clock;
  readonly version: string;
  readonly jobManagerId: string;
  readonly startedAtMs: number;
}

export interface RestRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => unknown;
}

/** Models may have to be fetched to check the pipeline against them. */
const COMPILE_TIMEOUT_MS = 120_000;

/** REST v1, as `shared/rest/rest-types.ts` describes it. */
export function restRoutes(handlers: RestHandlers): readonly RestRoute[] {
  const { dispatcher, resourceManager, metrics } = handlers;
  return [
    { method: 'GET', path: '/v1/health', handle: () => ({ status: 'ok' }) },
    { method: 'GET', path: '/v1/cluster', handle: () => clusterOverview(handlers) },
    {
      method: 'GET',
      path: '/v1/task-managers',
      handle: () => ({ taskManagers: resourceManager.infos() }),
    },
    { method: 'GET', path: '/v1/jobs', handle: () => ({ jobs: dispatcher.list() }) },
    {
      method: 'POST',
      path: '/v1/jobs',
      handle: (request, reply) => submitJob(handlers, request, reply),
    },
    {
      method: 'GET',
      path: '/v1/jobs/:id',
      handle: (request) => dispatcher.detail(jobId(request)),
    },
    {
      method: 'GET',
      path: '/v1/jobs/:id/plan',
      handle: (request) => dispatcher.plan(jobId(request)),
    },
    {
      method: 'GET',
      path: '/v1/jobs/:id/checkpoints',
      handle: (request) => dispatcher.checkpoints(jobId(request)),
    },
    {
      method: 'POST',
      path: '/v1/jobs/:id/savepoints',
      handle: (request) => makeSavepoint(handlers, request),
    },
    {
      method: 'POST',
      path: '/v1/jobs/:id/cancel',
      handle: (request, reply) => reply.status(202).send(dispatcher.cancel(jobId(request))),
    },
    {
      method: 'POST',
      path: '/v1/jobs/:id/stop',
      handle: (request, reply) => stopJob(handlers, request, reply),
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: async (_request, reply) =>
        reply.type(metrics.contentType).send(await metrics.metrics()),
    },
  ];
}

async function submitJob(
  handlers: RestHandlers,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const submission = parse(submitJobRequestSchema, request.body, 'the request');
  const compiled = await compileInTime(handlers, submission);
  if (compiled.kind === 'invalid') {
    const details = problemOfPipeline(compiled.problems);
    return reply.status(details.status).type(PROBLEM_JSON).send(details);
  }
  const { restoreFrom, allowDroppedState } = submission;
  const id = await handlers.dispatcher.submit(compiled.jobGraph, {
    ...(restoreFrom === undefined ? {} : { restoreFrom: absoluteUri(restoreFrom) }),
    ...(allowDroppedState === undefined ? {} : { allowDroppedState }),
  });
  const answer: SubmitJobAnswer = { id, warnings: compiled.warnings };
  return reply.status(201).header('location', `/v1/jobs/${id}`).send(answer);
}

async function makeSavepoint(
  { dispatcher }: RestHandlers,
  request: FastifyRequest,
): Promise<SavepointAnswer> {
  const id = jobId(request);
  const target = targetOf(parse(savepointRequestSchema, request.body ?? {}, 'the request'));
  return { path: await dispatcher.savepoint(id, target) };
}

async function stopJob(
  { dispatcher }: RestHandlers,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const id = jobId(request);
  const body = parse(stopJobRequestSchema, request.body ?? {}, 'the request');
  if (body.savepoint === true) {
    const answer: SavepointAnswer = {
      path: await dispatcher.stopWithSavepoint(id, targetOf(body)),
    };
    return answer;
  }
  if (body.directory !== undefined) {
    throw new SluiceError('ARGUMENT_INVALID', 'a directory is for a savepoint: say savepoint too', {
      domain: 'user',
      context: { field: 'directory' },
    });
  }
  return reply.status(202).send(dispatcher.stop(id));
}

function targetOf({ directory }: SavepointRequest): { readonly directory: string | null } {
  return { directory: directory === undefined ? null : absoluteUri(directory) };
}

/** Paths mean something on the caller's machine only. */
function absoluteUri(location: string): string {
  return formatUri(parseUri(location));
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

function clusterOverview(handlers: RestHandlers): ClusterOverview {
  const { dispatcher, resourceManager, version, jobManagerId, startedAtMs } = handlers;
  return {
    version,
    jobManagerId,
    processId: process.pid,
    startedAt: new Date(startedAtMs).toISOString(),
    taskManagers: resourceManager.infos().length,
    slots: resourceManager.slotCounts(),
    jobs: dispatcher.stateCounts(),
  };
}

function jobId(request: FastifyRequest): string {
  const { id } = request.params as { readonly id: string };
  return parse(jobIdSchema, id, 'the job id');
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join('.') ?? '';
  const where = path === '' ? what : `"${path}" of ${what}`;
  const missing = issue?.code === 'invalid_type' && issue.message.endsWith('received undefined');
  const reason = missing ? 'is missing' : `is invalid: ${issue?.message ?? ''}`;
  throw new SluiceError('ARGUMENT_INVALID', `${where} ${reason}`, {
    domain: 'user',
    context: path === '' ? {} : { field: path },
  });
}
