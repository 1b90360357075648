import type { Explanation } from './explain.ts';

/** An explanation as a Mermaid flow chart: a box for each task, an arrow for each step. Pure. */
export function explainMermaid(explanation: Explanation): string {
  const nodes = new Map(explanation.nodes.map((node) => [node.name, node]));
  const lines = ['flowchart LR'];
  for (const task of explanation.tasks) {
    const count = task.parallelism === 'adaptive' ? 'every slot' : `× ${task.parallelism}`;
    lines.push(`  subgraph task_${identifier(task.id)}["${task.device}, ${count}"]`);
    for (const id of task.operators) {
      const node = nodes.get(id);
      // Dead letters hang on the task, not on a node of the plan.
      const label = node === undefined ? 'dead letters' : `${node.name}<br/>${node.kind}`;
      lines.push(`    ${identifier(id)}["${label}"]`);
    }
    lines.push('  end');
  }
  const exchanged = new Map(
    explanation.exchanges.map((exchange) => [`${exchange.from} ${exchange.to}`, exchange]),
  );
  for (const node of explanation.nodes) {
    for (const from of node.from) {
      const exchange = exchanged.get(`${from} ${node.name}`);
      const arrow = exchange === undefined ? '-->' : `== ${exchange.partitioner} ==>`;
      lines.push(`  ${identifier(from)} ${arrow} ${identifier(node.name)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Node names are letters, digits, "_" and "-"; Mermaid has words of its own such as `end`. */
function identifier(name: string): string {
  return `n_${name.replace(/[^A-Za-z0-9]/g, (character) => `_${character.charCodeAt(0)}_`)}`;
}
