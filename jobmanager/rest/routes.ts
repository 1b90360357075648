import process from 'node:process';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { jobIdSchema, submitJobRequestSchema } from '../../shared/rest/rest-schemas.ts';
import type {
  ClusterOverview,
  SubmitJobAnswer,
  SubmitJobRequest,
} from '../../shared/rest/rest-types.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { CompilePort, CompileResult } from '../compile/compile-port.ts';
import type { Dispatcher } from '../dispatcher/dispatcher.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import { PROBLEM_JSON, problemOfPipeline } from './problem.ts';

export interface RestHandlers {
  readonly dispatcher: Dispatcher;
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
      method: 'POST',
      path: '/v1/jobs/:id/cancel',
      handle: (request, reply) => reply.status(202).send(dispatcher.cancel(jobId(request))),
    },
    {
      method: 'POST',
      path: '/v1/jobs/:id/stop',
      handle: (request, reply) => reply.status(202).send(dispatcher.stop(jobId(request))),
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
  const id = handlers.dispatcher.submit(compiled.jobGraph);
  const answer: SubmitJobAnswer = { id, warnings: compiled.warnings };
  return reply.status(201).header('location', `/v1/jobs/${id}`).send(answer);
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
