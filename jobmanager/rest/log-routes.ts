import { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { LogPart } from '../../shared/observability/log-ring.ts';
import { logSchema } from '../../shared/rest/cluster-schemas.ts';
import { logQuerySchema, taskManagerIdSchema } from '../../shared/rest/rest-schemas.ts';
import type { LogAnswer } from '../../shared/rest/rest-types.ts';
import { notKept } from '../resource-manager/log-requests.ts';
import type { RestHandlers } from './rest-handlers.ts';
import { type RestRoute, route } from './route.ts';

type LogQuery = z.output<typeof logQuerySchema>;

/** What the processes have logged lately; each keeps the last part of its log in memory. */
export function logRoutes({ leading, log }: RestHandlers): RestRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/log',
      role: 'operator',
      summary: 'The last part of the log of this job manager. A standby answers, too.',
      command: 'sluice logs',
      query: logQuerySchema,
      answers: { 200: logSchema },
      handle: ({ query }) => {
        if (log === null) throw notKept();
        return { status: 200, body: answerOf(log.read(checked(query))) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/task-managers/:id/log',
      role: 'operator',
      summary: 'The last part of the log of a task manager.',
      command: 'sluice logs',
      params: z.strictObject({ id: taskManagerIdSchema }),
      query: logQuerySchema,
      answers: { 200: logSchema },
      handle: async ({ params: { id }, query }) => {
        const part = await leading().resourceManager.readLog(id, checked(query));
        return { status: 200, body: answerOf(part) };
      },
    }),
  ];
}

function checked(query: LogQuery): LogQuery {
  if (query.offset === undefined || query.tail === undefined) return query;
  throw new SluiceError('ARGUMENT_INVALID', '"tail" of the query does not go with "offset"', {
    domain: 'user',
    context: { field: 'tail' },
  });
}

function answerOf({ start, end, offset, text }: LogPart): LogAnswer {
  return { start, end, offset, next: offset + text.length, text: text.toString('utf8') };
}
