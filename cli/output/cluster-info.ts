import type { ClusterOverview, ConfigAnswer, HealthAnswer } from '../../shared/rest/rest-types.ts';

export function clusterInfoText(cluster: ClusterOverview): string {
  const { jobManagerId, version, processId, startedAt, taskManagers, slots } = cluster;
  const jobs = Object.entries(cluster.jobs).map(
    ([state, count]) => `${count} ${state.toLowerCase().replaceAll('_', ' ')}`,
  );
  return rows([
    ['job manager', `${jobManagerId}, version ${version}, process ${processId}`],
    ['since', startedAt],
    ['task managers', String(taskManagers)],
    ['slots', `${slots.free} of ${slots.total} free`],
    ['jobs', jobs.length === 0 ? 'none' : jobs.join(', ')],
  ]);
}

export function healthText({ status, role, leader }: HealthAnswer): string {
  const leading = leader === null ? '' : `; ${leader.restAddress} leads`;
  return `${status}: ${role}${role === 'standby' ? leading || '; none leads yet' : ''}`;
}

export function configText({ options }: ConfigAnswer): string {
  return rows(
    Object.entries(options)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

function rows(entries: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
