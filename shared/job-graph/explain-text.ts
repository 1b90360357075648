import type { ExplainedNode, ExplainedTask, Explanation } from './explain.ts';
import { recoveryText } from './recovery-text.ts';

/** An explanation for the terminal: the plan as a tree, tasks and exchanges as tables. Pure. */
export function explainText(explanation: Explanation): string {
  const { name, bounded, onError, deadLetters } = explanation;
  const rejected =
    onError === 'fail'
      ? 'a rejected record fails the job'
      : deadLetters === null
        ? 'rejected records are counted and logged'
        : `rejected records go to ${deadLetters}`;
  const sections = [
    `${name}: ${bounded ? 'ends with its input' : 'runs until it is stopped'}; ${rejected}\n` +
      `recovery: ${recoveryText(explanation)}`,
    section('Plan', planTree(explanation.nodes)),
    section('Tasks', table(explanation.tasks.map(taskRow))),
  ];
  if (explanation.exchanges.length > 0) {
    const rows = explanation.exchanges.map((exchange) => [
      `${exchange.from} → ${exchange.to}`,
      exchange.keyBy.length === 0
        ? exchange.partitioner
        : `${exchange.partitioner} by ${exchange.keyBy.join(', ')}`,
      `about ${bytes(exchange.bytesPerRecord)} a record${exchange.carriesTensor ? ' (tensor as uint8)' : ''}`,
    ]);
    sections.push(section('Exchanges', table(rows)));
  } else {
    sections.push('No exchanges: every record stays in one task from source to sink.');
  }
  return `${sections.join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`.trimEnd())].join('\n');
}

function planTree(nodes: readonly ExplainedNode[]): readonly string[] {
  const rows: (readonly [string, string, string])[] = [];
  const walk = (node: ExplainedNode, lead: string, branch: string): void => {
    const also = node.from.slice(1);
    const joins = also.length === 0 ? '' : ` (also from ${also.join(', ')})`;
    rows.push([
      `${lead}${branch}${node.name}${joins}`,
      `${node.category} ${node.kind}`,
      node.summary,
    ]);
    // A node with several inputs stands below the first of them.
    const children = nodes.filter((child) => child.from[0] === node.name);
    const childLead = branch === '' ? lead : `${lead}${branch.startsWith('├') ? '│  ' : '   '}`;
    for (const [index, child] of children.entries()) {
      walk(child, childLead, index === children.length - 1 ? '└─ ' : '├─ ');
    }
  };
  for (const root of nodes.filter(({ from }) => from.length === 0)) walk(root, '', '');
  return table(rows);
}

function taskRow(task: ExplainedTask): readonly string[] {
  const labels = Object.entries(task.labels).map(([key, value]) => `${key}=${value}`);
  const device = task.fallback === 'none' ? task.device : `${task.device}, else ${task.fallback}`;
  const count =
    task.parallelism === 'adaptive'
      ? `one on every slot${task.subtasks === null ? '' : ` (${task.subtasks})`}`
      : `${task.parallelism} ${task.parallelism === 1 ? 'subtask' : 'subtasks'}`;
  return [task.chain, [device, ...labels].join(' '), count];
}

/** Columns as wide as their widest cell, two blanks between them. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function bytes(count: number): string {
  return count < 1000 ? `${count} B` : `${Math.round(count / 1000)} KB`;
}
