import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DASHBOARDS } from './definitions/all-dashboards.ts';
import { buildDashboard } from './definitions/build-dashboard.ts';

const FOLDER = fileURLToPath(new URL('dashboards', import.meta.url));

export interface DashboardFile {
  readonly path: string;
  readonly text: string;
}

/** What the folder `dashboards` must hold. */
export function dashboardFiles(): readonly DashboardFile[] {
  return Object.entries(DASHBOARDS).map(([name, definition]) => ({
    path: join(FOLDER, `${name}.json`),
    text: `${JSON.stringify(buildDashboard(definition), null, 2)}\n`,
  }));
}
