/** Writes dashboards/*.json from the definitions: `node monitoring/grafana/generate.ts`. */
import { writeFileSync } from 'node:fs';
import { dashboardFiles } from './dashboard-files.ts';

for (const { path, text } of dashboardFiles()) writeFileSync(path, text);
