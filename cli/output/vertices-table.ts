import type { VertexSummary } from '../../shared/rest/rest-types.ts';
import { formatCount } from './format.ts';
import { table } from './table.ts';

export function verticesTable(vertices: readonly VertexSummary[]): string {
  if (vertices.length === 0) return 'no vertices';
  return table(
    [
      { title: 'vertex' },
      { title: 'chain' },
      { title: 'device' },
      { title: 'parallelism', align: 'right' },
      { title: 'in', align: 'right' },
      { title: 'out', align: 'right' },
      { title: 'subtasks' },
    ],
    vertices.map(({ id, name, device, parallelism, operators, tasks }) => [
      id,
      name,
      device,
      String(parallelism),
      formatCount(operators[0]?.recordsIn ?? 0),
      formatCount(operators.at(-1)?.recordsOut ?? 0),
      Object.entries(tasks)
        .map(([state, count]) => `${count} ${state.toLowerCase()}`)
        .join(', '),
    ]),
  );
}
