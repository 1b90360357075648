/** The choices above the panels. Those with the same name go along from one dashboard to the next. */
import type { VariableDefinition } from './build-dashboard.ts';
import { CLUSTER } from './queries.ts';

export const DEPLOYMENT: VariableDefinition = {
  name: 'deployment',
  label: 'Deployment',
  about: 'Where one Prometheus knows several clusters: the label "deployment" of their targets.',
  query: 'label_values(sluice_build_info, deployment)',
  all: '.*',
};

export const INSTANCE: VariableDefinition = {
  name: 'instance',
  label: 'Process',
  about: 'Job managers and task managers, by the address that Prometheus scrapes.',
  query: `label_values(sluice_build_info{${CLUSTER}}, instance)`,
  all: '.+',
};

export const TASK_MANAGER_INSTANCE: VariableDefinition = {
  ...INSTANCE,
  label: 'Task manager',
  about: 'Task managers, by the address that Prometheus scrapes.',
  query: `label_values(sluice_build_info{${CLUSTER}, process="taskmanager"}, instance)`,
};

export const JOB_NAME: VariableDefinition = {
  name: 'job_name',
  label: 'Job',
  about: 'Jobs that ran in the time range, by the name that their pipeline gives them.',
  query: `label_values(sluice_job_state{${CLUSTER}, state!~"FINISHED|CANCELED|FAILED"}, job_name)`,
  all: null,
};

export const DEVICE: VariableDefinition = {
  name: 'device',
  label: 'Device',
  about: 'What a model runs on: cpu or gpu.',
  query: `label_values(sluice_inference_executors{${CLUSTER}}, device)`,
  all: '.+',
};

export const PROVIDER: VariableDefinition = {
  name: 'provider',
  label: 'Provider',
  about: "ONNX Runtime's execution provider.",
  query: `label_values(sluice_inference_executors{${CLUSTER}, device=~"$device"}, provider)`,
  all: '.+',
};

export const MODEL: VariableDefinition = {
  name: 'model',
  label: 'Model',
  about: 'Models that have run.',
  query: `label_values(sluice_inference_run_duration_seconds_count{${CLUSTER}}, model)`,
  all: '.+',
};
