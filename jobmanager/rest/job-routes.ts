import { z } from 'zod';
import {
  exceptionListSchema,
  jobDetailSchema,
  jobListSchema,
  jobPlanSchema,
} from '../../shared/rest/job-schemas.ts';
import { jobIdSchema, jobsQuerySchema, pageQuerySchema } from '../../shared/rest/rest-schemas.ts';
import { pageOf } from './page.ts';
import type { RestHandlers } from './rest-handlers.ts';
import { type RestRoute, route } from './route.ts';

const params = z.strictObject({ id: jobIdSchema });

/** What can be read of jobs. */
export function jobRoutes({ leading }: RestHandlers): RestRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/jobs',
      role: 'viewer',
      summary: 'The jobs that run and the last ones that ended, in pages.',
      command: 'sluice jobs',
      query: jobsQuerySchema,
      answers: { 200: jobListSchema },
      handle: ({ query: { state, ...page } }) => {
        const all = leading().dispatcher.list();
        const { items: jobs, next } = pageOf(
          state === undefined ? all : all.filter((job) => job.state === state),
          {
            ...page,
            list: 'jobs',
            keyOf: ({ submittedAt, id }) => `${submittedAt} ${id}`,
            order: 'descending',
          },
        );
        return { status: 200, body: { jobs, next } };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/jobs/:id',
      role: 'viewer',
      summary: 'One job: progress, vertices, subtasks, the last failures, checkpoints.',
      command: 'sluice job',
      params,
      answers: { 200: jobDetailSchema },
      handle: ({ params: { id } }) => ({ status: 200, body: leading().dispatcher.detail(id) }),
    }),
    route({
      method: 'GET',
      path: '/v1/jobs/:id/plan',
      role: 'viewer',
      summary: 'The nodes of a job: what its sources read and its sinks write.',
      command: 'sluice audit',
      params,
      answers: { 200: jobPlanSchema },
      handle: ({ params: { id } }) => ({ status: 200, body: leading().dispatcher.plan(id) }),
    }),
    route({
      method: 'GET',
      path: '/v1/jobs/:id/exceptions',
      role: 'viewer',
      summary: 'What a job failed of, in pages.',
      command: 'sluice job',
      params,
      query: pageQuerySchema,
      answers: { 200: exceptionListSchema },
      handle: ({ params: { id }, query }) => {
        const { items: exceptions, next } = pageOf(leading().dispatcher.detail(id).exceptions, {
          ...query,
          list: 'exceptions',
          keyOf: ({ at, vertexId, subtask }) => `${at} ${vertexId ?? ''} ${subtask ?? ''}`,
          order: 'descending',
        });
        return { status: 200, body: { exceptions, next } };
      },
    }),
  ];
}
