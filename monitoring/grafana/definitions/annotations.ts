/** What is marked on every graph, so that a dip and its cause are seen together. */
import type { AnnotationDefinition } from './build-dashboard.ts';
import { CLUSTER, JOB } from './queries.ts';

/** Two steps of the annotations' queries: what happens between two evaluations is not missed. */
const WINDOW = '2m';

export const LEADER_CHANGES: AnnotationDefinition = {
  name: 'Leader changes',
  color: 'purple',
  expr: `changes(sluice_leader_epoch{${CLUSTER}}[${WINDOW}]) > 0 and sluice_leader{${CLUSTER}} == 1`,
  title: 'Another leader',
  text: '{{instance}} leads',
};

export const LOST_TASK_MANAGERS: AnnotationDefinition = {
  name: 'Lost task managers',
  color: 'yellow',
  expr: `sum by (reason) (increase(sluice_task_manager_departures_total{${CLUSTER}, reason!="left"}[${WINDOW}])) > 0`,
  title: 'A task manager is gone',
  text: '{{reason}}',
};

export const JOB_RESTARTS: AnnotationDefinition = {
  name: 'Restarts',
  color: 'orange',
  expr: `sum by (job_name) (increase(sluice_job_restarts_total{${JOB}}[${WINDOW}])) > 0`,
  title: 'Restart',
  text: '{{job_name}} was started again after a failure',
};

export const ALL_RESTARTS: AnnotationDefinition = {
  ...JOB_RESTARTS,
  expr: `sum by (job_name) (increase(sluice_job_restarts_total{${CLUSTER}}[${WINDOW}])) > 0`,
};

export const JOB_RESCALES: AnnotationDefinition = {
  name: 'Rescales',
  color: 'blue',
  expr: `sum by (job_name) (increase(sluice_job_rescales_total{${JOB}}[${WINDOW}])) > 0`,
  title: 'Rescale',
  text: '{{job_name}} was started again to use other slots',
};

/** Alerts that sum over processes may have lost the label `deployment`: the empty choice keeps them. */
export const FIRING = 'alertstate="firing", deployment=~"$deployment|"';

export const FIRING_ALERTS: AnnotationDefinition = {
  name: 'Firing alerts',
  color: 'red',
  expr: `max by (alertname, severity, job_name, instance) (ALERTS{${FIRING}})`,
  title: '{{alertname}}',
  text: '{{severity}} {{job_name}} {{instance}}',
};
