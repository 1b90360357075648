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
  HealthAnswer,
  SavepointAnswer,
  SavepointRequest,
  SubmitJobAnswer,
  SubmitJobRequest,
} from '../../shared/rest/rest-types.ts';
import type { RequiredRole } from '../../shared/security/access-role.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { CompilePort, CompileResult } from '../compile/compile-port.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import type { JobControl } from './job-control.ts';
import { PROBLEM_JSON, problemOfPipeline } from './problem.ts';

/** What only the leader has. */
export interface LeaderHandlers {
  readonly dispatcher: JobControl;
  readonly resourceManager: ResourceManager;
}

export interface RestHandlers {
  /** Throws NOT_LEADER, which names the leader, while this job manager is a standby. */
  readonly leading: () => LeaderHandlers;
  readonly health: () => HealthAnswer;
  /** Also of a standby. */
  readonly metrics: Registry;
  readonly compile: CompilePort;
  readonly clock: Clock;
  readonly version: string;
  readonly jobManagerId: string;
  readonly startedAtMs: number;
}

export interface RestRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Whose token suffices. */
  readonly role: RequiredRole;
  /** What the audit log calls it; without it there is no line. */
  readonly audit?: string;
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => unknown;
}

/** Models may have to be fetched to check the pipeline against them. */
const COMPILE_TIMEOUT_MS = 120_000;

/** REST v1, as `shared/rest/rest-types.ts` describes it. */
export function restRoutes(handlers: RestHandlers): readonly RestRoute[] {
  const { leading, health } = handlers;
  return [
    { method: 'GET', path: '/v1/health', role: 'none', handle: () => health() },
    { method: 'GET', path: '/v1/cluster', role: 'viewer', handle: () => clusterOverview(handlers) },
    {
      method: 'GET',
      path: '/v1/task-managers',
      role: 'viewer',
      handle: () => ({ taskManagers: leading().resourceManager.infos() }),
    },
    {
      method: 'GET',
      path: '/v1/jobs',
      role: 'viewer',
      handle: () => ({ jobs: leading().dispatcher.list() }),
    },
    {
      method: 'POST',
      path: '/v1/jobs',
      role: 'operator',
      audit: 'job.submit',
      handle: (request, reply) => submitJob(handlers, request, reply),
    },
    {
      method: 'GET',
      path: '/v1/jobs/:id',
      role: 'viewer',
      handle: (request) => leading().dispatcher.detail(jobId(request)),
    },
    {
      method: 'GET',
      path: '/v1/jobs/:id/plan',
      role: 'viewer',
      handle: (request) => leading().dispatcher.plan(jobId(request)),
    },
    {
      method: 'GET',
      path: '/v1/jobs/:id/checkpoints',
      role: 'viewer',
      handle: (request) => leading().dispatcher.checkpoints(jobId(request)),
    },
    {
      method: 'POST',
      path: '/v1/jobs/:id/savepoints',
      role: 'operator',
      audit: 'job.savepoint',
      handle: (request) => makeSavepoint(handlers, request),
    },
    {
      method: 'POST',
      path: '/v1/jobs/:id/cancel',
      role: 'operator',
      audit: 'job.cancel',
      handle: (request, reply) =>
        reply.status(202).send(leading().dispatcher.cancel(jobId(request))),
    },
    {
      method: 'POST',
      path: '/v1/jobs/:id/stop',
      role: 'operator',
      audit: 'job.stop',
      handle: (request, reply) => stopJob(handlers, request, reply),
    },
    {
      method: 'GET',
      path: '/metrics',
      role: 'viewer',
      handle: async (_request, reply) => {
        const { metrics } = handlers;
        return reply.type(metrics.contentType).send(await metrics.metrics());
      },
    },
  ];
}

async function submitJob(
  handlers: RestHandlers,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  // A standby refuses before it looks at anything.
  handlers.leading();
  const submission = parse(submitJobRequestSchema, request.body, 'the request');
  const compiled = await compileInTime(handlers, submission);
  if (compiled.kind === 'invalid') {
    const details = problemOfPipeline(compiled.problems);
    return reply.status(details.status).type(PROBLEM_JSON).send(details);
  }
  const { restoreFrom, allowDroppedState, resume } = submission;
  const { dispatcher } = handlers.leading();
  const resumed = resume === true ? dispatcher.resumable(compiled.jobGraph) : null;
  if (resumed !== null) {
    const answer: SubmitJobAnswer = { id: resumed, warnings: compiled.warnings, resumed: true };
    return answer;
  }
  const id = await dispatcher.submit(compiled.jobGraph, {
    ...(restoreFrom === undefined ? {} : { restoreFrom: absoluteUri(restoreFrom) }),
    ...(allowDroppedState === undefined ? {} : { allowDroppedState }),
  });
  const answer: SubmitJobAnswer = { id, warnings: compiled.warnings, resumed: false };
  return reply.status(201).header('location', `/v1/jobs/${id}`).send(answer);
}

async function makeSavepoint(
  handlers: RestHandlers,
  request: FastifyRequest,
): Promise<SavepointAnswer> {
  const { dispatcher } = handlers.leading();
  const id = jobId(request);
  const target = targetOf(parse(savepointRequestSchema, request.body ?? {}, 'the request'));
  return { path: await dispatcher.savepoint(id, target) };
}

async function stopJob(
  handlers: RestHandlers,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { dispatcher } = handlers.leading();
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
  const { version, jobManagerId, startedAtMs } = handlers;
  const { dispatcher, resourceManager } = handlers.leading();
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
