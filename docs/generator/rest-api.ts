/** The REST API, from the very table that the server serves. Nothing is called. */
import { openApiDocument, templateOf } from '../../jobmanager/rest/openapi.ts';
import { restRoutes } from '../../jobmanager/rest/routes.ts';
import { SLUICE_VERSION } from '../../shared/config/version.ts';

export interface RouteRow {
  /** `GET /v1/jobs/{id}` */
  readonly route: string;
  readonly role: string;
  readonly summary: string;
  readonly command: string | null;
}

const routes = restRoutes({} as never);

export function routeRows(): RouteRow[] {
  return routes.map(({ method, path, role, summary, command }) => ({
    route: `${method} ${templateOf(path)}`,
    role,
    summary,
    command,
  }));
}

/** What `docs/openapi.json` holds. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(routes, SLUICE_VERSION), null, 2)}\n`;
}
