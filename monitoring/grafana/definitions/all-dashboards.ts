import type { DashboardDefinition } from './build-dashboard.ts';
import { CHECKPOINTS_DASHBOARD } from './checkpoints.ts';
import { CLUSTER_DASHBOARD } from './cluster.ts';
import { INFERENCE_DASHBOARD } from './inference.ts';
import { JOB_DASHBOARD } from './job.ts';

/** By the name of their file. */
export const DASHBOARDS: Readonly<Record<string, DashboardDefinition>> = {
  cluster: CLUSTER_DASHBOARD,
  job: JOB_DASHBOARD,
  inference: INFERENCE_DASHBOARD,
  checkpoints: CHECKPOINTS_DASHBOARD,
};
