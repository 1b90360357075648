import type { Registry } from 'prom-client';
import { JOB_TRANSITIONS, type JobState } from '../../shared/job-graph/states.ts';
import {
  derivedCounter,
  derivedGauge,
  single,
} from '../../shared/observability/derived-metrics.ts';
import type { TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import type { MeasuredTerm } from './prometheus.ts';

export function clusterMetrics(term: () => MeasuredTerm | null, registry: Registry): void {
  derivedGauge(registry, {
    name: 'sluice_jobs',
    help: 'Jobs by state, the last ended ones included.',
    labelNames: ['state'],
    *values() {
      const counts = term()?.dispatcher.stateCounts();
      if (counts === undefined) return;
      for (const state of Object.keys(JOB_TRANSITIONS) as JobState[]) {
        yield { labels: { state }, value: counts[state] ?? 0 };
      }
    },
  });
  const taskManagers = (): readonly TaskManagerInfo[] => term()?.resourceManager.infos() ?? [];
  derivedGauge(registry, {
    name: 'sluice_task_managers',
    help: 'Registered task managers.',
    values: () => single(term()?.resourceManager.infos().length ?? null),
  });
  derivedCounter(registry, {
    name: 'sluice_task_manager_departures_total',
    help: 'Task managers that went: left in order, or were disconnected, silent, replaced.',
    labelNames: ['reason'],
    *values() {
      const departures = term()?.resourceManager.departures;
      if (departures === undefined) return;
      for (const [reason, value] of Object.entries(departures)) yield { labels: { reason }, value };
    },
  });
  derivedGauge(registry, {
    name: 'sluice_slots',
    help: 'Slots of the registered task managers.',
    labelNames: ['state'],
    *values() {
      const slots = term()?.resourceManager.slotCounts();
      if (slots === undefined) return;
      yield { labels: { state: 'free' }, value: slots.free };
      yield { labels: { state: 'taken' }, value: slots.total - slots.free };
    },
  });
  const perTaskManager = (value: (info: TaskManagerInfo) => number) => () =>
    taskManagers().map((info) => ({ labels: { task_manager: info.id }, value: value(info) }));
  derivedGauge(registry, {
    name: 'sluice_task_manager_heartbeat_age_seconds',
    help: 'Since the last sign of life of a task manager.',
    labelNames: ['task_manager'],
    values: perTaskManager(({ lastHeartbeatAgeMs }) => lastHeartbeatAgeMs / 1000),
  });
  derivedGauge(registry, {
    name: 'sluice_task_manager_cpu_cores',
    help: 'What a task manager uses, in cores, by its heartbeats.',
    labelNames: ['task_manager'],
    values: perTaskManager(({ cpuCoresUsed }) => cpuCoresUsed),
  });
  derivedGauge(registry, {
    name: 'sluice_task_manager_resident_memory_bytes',
    help: 'What a task manager uses, by its heartbeats.',
    labelNames: ['task_manager'],
    values: perTaskManager(({ rssBytes }) => rssBytes),
  });
}
