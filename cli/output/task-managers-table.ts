import type { TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import { formatBytes, formatDuration } from './format.ts';
import { table } from './table.ts';

export function taskManagersTable(taskManagers: readonly TaskManagerInfo[]): string {
  if (taskManagers.length === 0) return 'no task managers';
  return table(
    [
      { title: 'id' },
      { title: 'host' },
      { title: 'pid', align: 'right' },
      { title: 'state' },
      { title: 'device' },
      { title: 'free slots', align: 'right' },
      { title: 'memory', align: 'right' },
      { title: 'cores', align: 'right' },
      { title: 'heard', align: 'right' },
      { title: 'labels' },
    ],
    taskManagers.map((info) => [
      info.id,
      info.host,
      String(info.processId),
      info.state.toLowerCase(),
      info.device,
      `${info.slots.free}/${info.slots.total}`,
      formatBytes(info.rssBytes),
      info.cpuCoresUsed.toFixed(1),
      `${formatDuration(info.lastHeartbeatAgeMs)} ago`,
      Object.entries(info.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ]),
  );
}
