import { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { taskManagerListSchema, taskManagerSchema } from '../../shared/rest/cluster-schemas.ts';
import { pageQuerySchema, taskManagerIdSchema } from '../../shared/rest/rest-schemas.ts';
import { pageOf } from './page.ts';
import type { RestHandlers } from './rest-handlers.ts';
import { type RestRoute, route } from './route.ts';

const params = z.strictObject({ id: taskManagerIdSchema });

export function taskManagerRoutes({ leading }: RestHandlers): RestRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/task-managers',
      role: 'viewer',
      summary: 'The task managers that are registered, in pages.',
      command: 'sluice task-managers',
      query: pageQuerySchema,
      answers: { 200: taskManagerListSchema },
      handle: ({ query }) => {
        const { items: taskManagers, next } = pageOf(leading().resourceManager.infos(), {
          ...query,
          list: 'task managers',
          keyOf: ({ id }) => id,
          order: 'ascending',
        });
        return { status: 200, body: { taskManagers, next } };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/task-managers/:id',
      role: 'viewer',
      summary: 'One task manager.',
      command: 'sluice task-managers',
      params,
      answers: { 200: taskManagerSchema },
      handle: ({ params: { id } }) => {
        const found = leading()
          .resourceManager.infos()
          .find((info) => info.id === id);
        if (found === undefined) throw taskManagerNotFound(id);
        return { status: 200, body: found };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/task-managers/:id/drain',
      role: 'operator',
      audit: 'task-manager.drain',
      summary:
        'Takes a task manager out of use: it gets nothing new, jobs move away as soon as they can.',
      command: 'sluice drain',
      params,
      answers: { 202: taskManagerSchema },
      handle: ({ params: { id } }) => ({ status: 202, body: leading().resourceManager.drain(id) }),
    }),
  ];
}

function taskManagerNotFound(id: string): SluiceError {
  return new SluiceError('TASK_MANAGER_NOT_FOUND', `no task manager "${id}" is registered`, {
    domain: 'user',
    context: { taskManagerId: id },
    hint: 'list them with `sluice task-managers`',
  });
}
