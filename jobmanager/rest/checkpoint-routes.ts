import { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import {
  checkpointInfoSchema,
  jobCheckpointsDetailSchema,
} from '../../shared/rest/checkpoint-schemas.ts';
import { checkpointIdSchema, jobIdSchema } from '../../shared/rest/rest-schemas.ts';
import type { CheckpointInfo, JobCheckpointsDetail } from '../../shared/rest/rest-types.ts';
import type { RestHandlers } from './rest-handlers.ts';
import { type RestRoute, route } from './route.ts';

const params = z.strictObject({ id: jobIdSchema });

export function checkpointRoutes({ leading }: RestHandlers): RestRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/jobs/:id/checkpoints',
      role: 'viewer',
      summary: "A job's checkpoints: settings, counts, the last ones.",
      command: 'sluice checkpoints',
      params,
      answers: { 200: jobCheckpointsDetailSchema },
      handle: ({ params: { id } }) => ({ status: 200, body: leading().dispatcher.checkpoints(id) }),
    }),
    route({
      method: 'GET',
      path: '/v1/jobs/:id/checkpoints/:checkpoint',
      role: 'viewer',
      summary: 'One of the checkpoints that are under way or remembered.',
      command: 'sluice checkpoints',
      params: params.extend({ checkpoint: checkpointIdSchema }),
      answers: { 200: checkpointInfoSchema },
      handle: ({ params: { id, checkpoint } }) => ({
        status: 200,
        body: checkpointOf(leading().dispatcher.checkpoints(id), { id, checkpoint }),
      }),
    }),
  ];
}

function checkpointOf(
  { inProgress, latest, history }: JobCheckpointsDetail,
  { id, checkpoint }: { readonly id: string; readonly checkpoint: number },
): CheckpointInfo {
  const found = [inProgress, ...history, latest].find((info) => info?.id === checkpoint);
  if (found != null) return found;
  const message = `job ${id} has no checkpoint ${checkpoint}, or it is forgotten`;
  throw new SluiceError('CHECKPOINT_NOT_FOUND', message, {
    domain: 'user',
    context: { job: id, checkpoint },
    hint: `list them with \`sluice checkpoints ${id}\``,
  });
}
