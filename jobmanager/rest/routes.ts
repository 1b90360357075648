import { checkpointRoutes } from './checkpoint-routes.ts';
import { clusterRoutes } from './cluster-routes.ts';
import { jobActionRoutes } from './job-action-routes.ts';
import { jobRoutes } from './job-routes.ts';
import { logRoutes } from './log-routes.ts';
import { openApiDocument } from './openapi.ts';
import type { RestHandlers } from './rest-handlers.ts';
import type { RestRoute } from './route.ts';
import { taskManagerRoutes } from './task-manager-routes.ts';
import { vertexRoutes } from './vertex-routes.ts';

/** REST v1: all that it has, in the order of the docs. */
export function restRoutes(handlers: RestHandlers): readonly RestRoute[] {
  let document: ReturnType<typeof openApiDocument> | null = null;
  const routes: readonly RestRoute[] = [
    ...clusterRoutes(handlers, () => (document ??= openApiDocument(routes, handlers.version))),
    ...taskManagerRoutes(handlers),
    ...logRoutes(handlers),
    ...jobRoutes(handlers),
    ...vertexRoutes(handlers),
    ...checkpointRoutes(handlers),
    ...jobActionRoutes(handlers),
  ];
  return routes;
}
