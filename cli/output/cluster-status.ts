import type { TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import type { ClusterState } from '../cluster/cluster-state.ts';
import { formatBytes } from './format.ts';
import { table } from './table.ts';

export interface ClusterStatus {
  readonly state: ClusterState;
  readonly alive: readonly boolean[];
  readonly taskManagers: readonly TaskManagerInfo[];
}

export function clusterStatusText(status: ClusterStatus): string {
  const byId = new Map(status.taskManagers.map((info) => [info.id, info]));
  const rows = status.state.members.map((member, index) => {
    const info = byId.get(member.name);
    return [
      member.name,
      status.alive[index] === true ? 'running' : 'DEAD',
      String(member.processId),
      member.role === 'taskmanager' ? member.device : '',
      info === undefined ? '' : `${info.slots.free}/${info.slots.total}`,
      info === undefined ? '' : formatBytes(info.rssBytes),
      info === undefined ? '' : info.cpuCoresUsed.toFixed(1),
      info?.dataAddress ?? '',
    ];
  });
  const text = table(
    [
      { title: 'process' },
      { title: 'state' },
      { title: 'pid', align: 'right' },
      { title: 'device' },
      { title: 'free slots', align: 'right' },
      { title: 'memory', align: 'right' },
      { title: 'cores', align: 'right' },
      { title: 'data' },
    ],
    rows,
  );
  return `${text}\nREST ${status.state.restAddress}`;
}
