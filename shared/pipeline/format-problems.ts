import type { PipelineProblem } from './pipeline-problem.ts';
import { isWarning } from './pipeline-problem.ts';
import { SOURCE_WIDTH_MAX } from './pipeline-source.ts';

/**
 * Problems for people:
 *
 *   pipeline.yaml:7:25: unknown kind of transform "image-tenser"
 *     7 |   tensors: { transform: image-tenser, from: images }
 *       |                         ^^^^^^^^^^^^
 *     did you mean "image-tensor"? Transforms: …
 *
 * Pure. Texts come from files that anybody may have written: control characters are replaced.
 */
export function formatProblems(problems: readonly PipelineProblem[]): string {
  return problems.map(formatProblem).join('\n');
}

function formatProblem(problem: PipelineProblem): string {
  const { context } = problem;
  const line = numberOf(context['line']);
  const column = numberOf(context['column']);
  const place = [context['file'], line, column].filter((part) => part !== undefined).join(':');
  const severity = isWarning(problem) ? 'warning: ' : '';
  const head = place === '' ? '' : `${place}: `;
  const lines = [`${head}${severity}${printable(problem.message)}`];
  const source = context['source'];
  if (line !== undefined && column !== undefined && typeof source === 'string') {
    const sourceStart = numberOf(context['sourceStart']);
    const length = numberOf(context['length']) ?? 1;
    lines.push(...excerpt(source, { line, column, length, sourceStart }));
  }
  if (problem.hint !== undefined) lines.push(`  ${printable(problem.hint)}`);
  return lines.join('\n');
}

interface Excerpt {
  readonly line: number;
  readonly column: number;
  readonly length: number;
  /** Offset in the line at which `source` begins, where it is only a part of the line. */
  readonly sourceStart: number | undefined;
}

function excerpt(source: string, place: Excerpt): string[] {
  const number = String(place.line);
  const before = (place.sourceStart ?? 0) > 0 ? '…' : '';
  const after = place.sourceStart !== undefined && source.length >= SOURCE_WIDTH_MAX ? '…' : '';
  const text = `${before}${printable(source)}${after}`;
  const start = place.column - 1 - (place.sourceStart ?? 0) + before.length;
  const carets = '^'.repeat(Math.max(1, Math.min(place.length, text.length - start)));
  // Tabs stay tabs, so that the caret stands below its letter whatever their width.
  const padding = text.slice(0, start).replace(/[^\t]/g, ' ').padEnd(start, ' ');
  return [`  ${number} | ${text}`, `  ${' '.repeat(number.length)} | ${padding}${carets}`];
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be replaced
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd').replace(/\n/g, ' ');
}
