import process from 'node:process';
import { z } from 'zod';
import {
  clusterSchema,
  configSchema,
  healthSchema,
  openApiSchema,
} from '../../shared/rest/cluster-schemas.ts';
import type { ClusterOverview } from '../../shared/rest/rest-types.ts';
import { maskedOptions } from './masked-options.ts';
import type { RestHandlers } from './rest-handlers.ts';
import { type RestRoute, route } from './route.ts';

/** The cluster as a whole, and this job manager. */
export function clusterRoutes(
  handlers: RestHandlers,
  openApi: () => z.output<typeof openApiSchema>,
): RestRoute[] {
  return [
    route({
      method: 'GET',
      path: '/v1/health',
      role: 'none',
      summary: 'Whether this job manager runs, and whether it leads. A standby answers, too.',
      command: 'sluice cluster health',
      answers: { 200: healthSchema },
      handle: () => ({ status: 200, body: handlers.health() }),
    }),
    route({
      method: 'GET',
      path: '/v1/openapi.json',
      role: 'none',
      summary: 'This API as an OpenAPI 3.1 document. A standby answers, too.',
      command: null,
      answers: { 200: openApiSchema },
      handle: () => ({ status: 200, body: openApi() }),
    }),
    route({
      method: 'GET',
      path: '/v1/cluster',
      role: 'viewer',
      summary: 'The leading job manager, its task managers, slots and jobs, counted.',
      command: 'sluice cluster info',
      answers: { 200: clusterSchema },
      handle: () => ({ status: 200, body: clusterOverview(handlers) }),
    }),
    route({
      method: 'GET',
      path: '/v1/config',
      role: 'admin',
      audit: 'config.read',
      summary:
        'The options that this job manager runs with, secrets masked. A standby answers, too.',
      command: 'sluice cluster config',
      answers: { 200: configSchema },
      handle: () => {
        const { jobManagerId, options } = handlers;
        return { status: 200, body: { jobManagerId, options: maskedOptions(options) } };
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      role: 'viewer',
      summary: 'Metrics of the job manager, its jobs and task managers, for Prometheus.',
      command: null,
      answers: { 200: z.string() },
      handle: async () => {
        const { metrics } = handlers;
        const headers = { 'content-type': metrics.contentType };
        return { status: 200, body: await metrics.metrics(), headers };
      },
    }),
  ];
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
