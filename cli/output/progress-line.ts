import process from 'node:process';
import { styleText } from 'node:util';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { formatCount, formatDuration, formatRate } from './format.ts';

const BAR_WIDTH_MAX = 24;
const BAR_WIDTH_MIN = 4;
const GAP = '  ';

type Style = Parameters<typeof styleText>[0];

/** A piece of the line: its text, and how it is drawn. */
interface Part {
  readonly text: string;
  readonly style?: Style;
}

/**
 * One line about a job, at most `width` columns wide (null: no bar, no bound). What does not fit is
 * left out, from the end; the bar takes what is left. Pure but for the question whether standard
 * error shows colours.
 */
export function progressLine(job: JobDetail, width: number | null): string {
  const parts = factsOf(job);
  const kept: Part[] = [];
  let used = 0;
  for (const part of parts) {
    const length = part.text.length + (kept.length === 0 ? 0 : GAP.length);
    if (width !== null && used + length > width) break;
    kept.push(part);
    used += length;
  }
  // Not even the first one fits: better cut than none.
  if (kept.length === 0 && parts[0] !== undefined) {
    return styled({ ...parts[0], text: parts[0].text.slice(0, Math.max(0, width ?? 0)) });
  }
  const facts = kept.map(styled).join(GAP);
  const share = shareDone(job);
  const room = width === null ? 0 : Math.min(BAR_WIDTH_MAX, width - used - GAP.length);
  return share === null || room < BAR_WIDTH_MIN ? facts : bar(share, room) + GAP + facts;
}

/** Null where nobody knows how much there is. */
export function shareDone(job: JobDetail): number | null {
  const { recordsDone, recordsTotal } = job.progress;
  if (!job.bounded || !isAtWork(job) || recordsTotal === null || recordsTotal === 0) return null;
  return Math.min(1, recordsDone / recordsTotal);
}

/** The most important first. */
function factsOf(job: JobDetail): readonly Part[] {
  const { progress } = job;
  const facts: Part[] = [{ text: isAtWork(job) ? countText(job) : stateText(job) }];
  if (progress.recordsRead > 0 || progress.recordsDone > 0) {
    facts.push({ text: `${formatRate(progress.recordsPerSecond)}/s` });
  }
  if (progress.latencyP99Ms > 0) {
    facts.push({ text: `p99 ${formatDuration(progress.latencyP99Ms)}` });
  }
  if (progress.recordsRejected > 0) {
    facts.push({ text: `${formatCount(progress.recordsRejected)} rejected`, style: 'yellow' });
  }
  if (job.restarts > 0) {
    const times = job.restarts === 1 ? '1 restart' : `${formatCount(job.restarts)} restarts`;
    facts.push({ text: times, style: 'yellow' });
  }
  if (job.state === 'STOPPING') facts.push({ text: 'stopping', style: 'yellow' });
  return facts;
}

function countText(job: JobDetail): string {
  const { recordsDone, recordsTotal, discoveryComplete } = job.progress;
  const done = formatCount(recordsDone);
  if (!job.bounded || recordsTotal === null || recordsTotal === 0) return `${done} done`;
  return `${done}/${formatCount(recordsTotal)}${discoveryComplete ? '' : '+'}`;
}

function stateText(job: JobDetail): string {
  const state = job.state.toLowerCase().replaceAll('_', ' ');
  if (job.waitingReason !== undefined) return `${state}: ${job.waitingReason}`;
  const [last] = job.exceptions;
  return job.state === 'RESTARTING' && last !== undefined
    ? `${state}: ${last.error.message}`
    : state;
}

function isAtWork(job: JobDetail): boolean {
  return job.state === 'RUNNING' || job.state === 'STOPPING';
}

function bar(share: number, width: number): string {
  const filled = Math.round(share * width);
  return (
    styled({ text: '█'.repeat(filled), style: 'green' }) +
    styled({ text: '░'.repeat(width - filled), style: 'dim' })
  );
}

/** Colours where standard error shows them: a terminal, and no NO_COLOR. */
function styled({ text, style }: Part): string {
  if (style === undefined || text === '') return text;
  return styleText(style, text, { stream: process.stderr });
}
