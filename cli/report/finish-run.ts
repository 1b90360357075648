import { resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FileSystemOptions } from '../../shared/filesystem/filesystem-options.ts';
import { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { joinUri } from '../../shared/filesystem/uri.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import type { JobDetail, SubmitJobRequest } from '../../shared/rest/rest-types.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { failureText, statistics } from '../output/job-summary.ts';
import { collectRun } from './collect-cards.ts';
import { contactSheetHtml } from './contact-sheet.ts';
import { type RunOutputs, runOutputs } from './run-outputs.ts';

export interface FinishRunOptions {
  readonly job: JobDetail;
  readonly graph: JobGraph;
  readonly request: SubmitJobRequest;
  readonly json: boolean;
  /** A file, true (the default place), false (none), or undefined: where there are thumbnails. */
  readonly report: string | boolean | undefined;
  readonly fileSystems: FileSystemOptions;
}

/** Prints the summary of a run and writes its contact sheet. */
export async function finishRun(options: FinishRunOptions): Promise<void> {
  const { job, graph, request } = options;
  const outputs = runOutputs(graph);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  } else {
    const places = job.progress.recordsDone > 0 ? placesText(outputs) : '';
    process.stdout.write(`${statistics(job)}\n${places}`);
  }
  const reportUri = await writeReport(options, outputs).catch((error: Error) => {
    if (job.failure === null) throw error;
    // A full disk, say, fails both: the job's own failure is what people must read.
    process.stderr.write(`warning: there is no report: ${error.message}\n`);
    return null;
  });
  if (options.json) return;
  if (reportUri !== null) process.stdout.write(`  report         ${shownPath(reportUri)}\n`);
  if (job.failure !== null) process.stdout.write(`\n${failureText(job)}\n`);
  if (job.state === 'FINISHED') process.stdout.write(nextStep(request));
  if (job.progress.splitsDiscovered === 0 && job.state === 'FINISHED') {
    process.stderr.write('warning: no file matched; look at the path and the glob of the source\n');
  }
}

async function writeReport(options: FinishRunOptions, outputs: RunOutputs): Promise<string | null> {
  const { job, report } = options;
  const isWanted =
    report === undefined ? !options.json && outputs.thumbnails !== null : report !== false;
  if (!isWanted || outputs.results.length === 0 || job.progress.recordsDone === 0) return null;
  const uri = reportUri(report, outputs);
  const fileSystems = new FileSystemRegistry(options.fileSystems, { clock: systemClock });
  try {
    const { cards, rejects } = await collectRun(job.id, outputs, fileSystems);
    const { progress } = job;
    const html = contactSheetHtml({
      title: job.name,
      images: progress.recordsDone - progress.recordsRejected,
      rejected: progress.recordsRejected,
      perSecond: progress.activeMs > 0 ? (progress.recordsDone / progress.activeMs) * 1000 : 0,
      latencyP50Ms: progress.latencyP50Ms,
      latencyP99Ms: progress.latencyP99Ms,
      cards,
      rejects,
    });
    await fileSystems.forUri(uri).put(uri, Buffer.from(html), { contentType: 'text/html' });
    return uri;
  } finally {
    await fileSystems.close();
  }
}

/** Beside the first sink's folder, unless the user names a file. */
function reportUri(report: string | boolean | undefined, outputs: RunOutputs): string {
  if (typeof report === 'string') return pathToFileURL(resolve(report)).href;
  const [first] = outputs.results;
  const folder = (first?.uri ?? '').replace(/\/+$/, '');
  return joinUri(folder.slice(0, folder.lastIndexOf('/')), 'report.html');
}

function placesText(outputs: RunOutputs): string {
  const places = outputs.results.map(({ node, uri }) => [node, uri] as const);
  if (outputs.thumbnails !== null) places.push([outputs.thumbnails.node, outputs.thumbnails.uri]);
  if (outputs.deadLetters !== null) places.push(['dead letters', outputs.deadLetters]);
  return places.map(([name, uri]) => `  ${name.padEnd(14)} ${shownPath(uri)}\n`).join('');
}

function shownPath(uri: string): string {
  if (!uri.startsWith('file://')) return uri;
  try {
    return fileURLToPath(uri);
  } catch {
    return uri.slice('file://'.length);
  }
}

/** What to try next, once the example has run. */
function nextStep(request: SubmitJobRequest): string {
  if (!/examples[/\\]image-classification/.test(request.fileName)) return '';
  return (
    '\nNext, your own photographs with a public model:\n' +
    '  npx sluice models pull mobilenetv2\n' +
    `  npx sluice run ${request.fileName} \\\n` +
    '    --set images="$HOME/Pictures" --set model=models/mobilenetv2/model.yaml --set output=./out\n'
  );
}
