import { styleText } from 'node:util';
import type { AuditReport, Offence, SinkReport } from '../audit/audit-report.ts';
import { formatCount } from './format.ts';
import { table } from './table.ts';

/** The counts of each sink, then the first offences, then the verdict. */
export function auditText(report: AuditReport): string {
  const objects = `${formatCount(report.objects)} object versions`;
  const rejected = `${formatCount(report.deadLetters)} dead letters`;
  const parts = [`${objects}, ${rejected}\n\n${sinksTable(report.sinks)}`];
  const unchecked = report.sinks.filter((sink) => sink.unchecked !== null);
  if (unchecked.length > 0) {
    parts.push(
      unchecked.map((sink) => `${sink.id} cannot be checked: ${sink.unchecked}`).join('\n'),
    );
  }
  if (report.offences.length > 0) parts.push(offencesText(report));
  parts.push(verdict(report));
  return parts.join('\n\n');
}

function sinksTable(sinks: readonly SinkReport[]): string {
  const counts = ['missing', 'double', 'shared', 'unaccounted', 'unreadable'] as const;
  return table(
    [
      { title: 'sink' },
      { title: 'found', align: 'right' },
      { title: 'expected of each' },
      ...counts.map((title) => ({ title, align: 'right' as const })),
      { title: 'not in the source', align: 'right' },
    ],
    sinks.map((sink) => [
      sink.id,
      sink.unchecked === null ? formatCount(sink.found) : '-',
      sink.expected,
      ...counts.map((name) => formatCount(sink.offences[name])),
      formatCount(sink.unlisted),
    ]),
  );
}

function offencesText({ offences, sinks }: AuditReport): string {
  const total = sinks.reduce(
    (sum, sink) => sum + Object.values(sink.offences).reduce((a, b) => a + b, 0),
    0,
  );
  const lines = offences.map((offence) => `  ${offenceText(offence)}`);
  const more = total - offences.length;
  if (more > 0) lines.push(`  … and ${formatCount(more)} more; --json lists all`);
  return lines.join('\n');
}

function offenceText({ kind, sink, uri, count }: Offence): string {
  switch (kind) {
    case 'missing':
      return count === 0 ? `missing in ${sink}: ${uri}` : `only ${count} in ${sink}: ${uri}`;
    case 'double':
      return `${count} in ${sink}: ${uri}`;
    case 'shared':
      return `its thumbnail in ${sink} belongs to ${count} objects: ${uri}`;
    case 'unaccounted':
      return `no row stands for the thumbnail in ${sink}: ${uri}`;
    case 'unreadable':
      return `a line is no row with uri and etag in ${sink}: ${uri}`;
    default:
      return kind satisfies never;
  }
}

function verdict({ exact, objects }: AuditReport): string {
  return exact
    ? `${styleText('green', 'exact')}: each of ${formatCount(objects)} object versions left what it must`
    : styleText('red', 'not exact');
}
