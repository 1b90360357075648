import { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { ExecutionState } from '../../shared/job-graph/states.ts';
import {
  subtaskListSchema,
  vertexListSchema,
  vertexSchema,
} from '../../shared/rest/job-schemas.ts';
import { jobIdSchema, pageQuerySchema, vertexIdSchema } from '../../shared/rest/rest-schemas.ts';
import type { VertexDetail, VertexSummary } from '../../shared/rest/rest-types.ts';
import { pageOf } from './page.ts';
import type { RestHandlers } from './rest-handlers.ts';
import { type RestRoute, route } from './route.ts';

const jobParams = z.strictObject({ id: jobIdSchema });
const params = jobParams.extend({ vertex: vertexIdSchema });

/** The parts of a job: its vertices and their subtasks. */
export function vertexRoutes({ leading }: RestHandlers): RestRoute[] {
  const vertexOf = ({ id, vertex }: z.output<typeof params>): VertexDetail => {
    const { vertices } = leading().dispatcher.detail(id);
    const found = vertices.find((candidate) => candidate.id === vertex);
    if (found === undefined) throw vertexNotFound(id, vertex);
    return found;
  };
  return [
    route({
      method: 'GET',
      path: '/v1/jobs/:id/vertices',
      role: 'viewer',
      summary: "A job's vertices, without their subtasks.",
      command: 'sluice job',
      params: jobParams,
      answers: { 200: vertexListSchema },
      handle: ({ params: { id } }) => ({
        status: 200,
        body: { vertices: leading().dispatcher.detail(id).vertices.map(summaryOf) },
      }),
    }),
    route({
      method: 'GET',
      path: '/v1/jobs/:id/vertices/:vertex',
      role: 'viewer',
      summary: 'One vertex with its operators and subtasks.',
      command: 'sluice job',
      params,
      answers: { 200: vertexSchema },
      handle: (input) => ({ status: 200, body: vertexOf(input.params) }),
    }),
    route({
      method: 'GET',
      path: '/v1/jobs/:id/vertices/:vertex/subtasks',
      role: 'viewer',
      summary: 'The subtasks of a vertex, in pages.',
      command: 'sluice job',
      params,
      query: pageQuerySchema,
      answers: { 200: subtaskListSchema },
      handle: (input) => {
        const { items: subtasks, next } = pageOf(vertexOf(input.params).subtasks, {
          ...input.query,
          list: 'subtasks',
          keyOf: ({ index }) => String(index).padStart(8, '0'),
          order: 'ascending',
        });
        return { status: 200, body: { subtasks, next } };
      },
    }),
  ];
}

function summaryOf({ subtasks, ...vertex }: VertexDetail): VertexSummary {
  const tasks: Partial<Record<ExecutionState, number>> = {};
  for (const { state } of subtasks) tasks[state] = (tasks[state] ?? 0) + 1;
  return { ...vertex, tasks };
}

function vertexNotFound(id: string, vertex: string): SluiceError {
  return new SluiceError('VERTEX_NOT_FOUND', `job ${id} has no vertex "${vertex}"`, {
    domain: 'user',
    context: { job: id, vertex },
    hint: `list them with \`sluice job ${id} --vertices\``,
  });
}
