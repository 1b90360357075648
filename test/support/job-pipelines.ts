import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The main job on any images and model, with what a test wants changed. */
export interface MainJob {
  readonly images: string;
  readonly model: string;
  readonly output: string;
  /** More of the source's options, as YAML flow entries: `watch: 1s`. */
  readonly source?: string;
  readonly tensors?: string;
  readonly classes?: string;
  readonly thumbnails?: boolean;
}

export function writeMainJob(folder: string, job: MainJob): string {
  const path = join(folder, 'pipeline.yaml');
  const options = (text: string | undefined): string => (text === undefined ? '' : `, ${text}`);
  const lines = [
    'name: main-job',
    'nodes:',
    `  images: { source: files, path: "${job.images}"${options(job.source)} }`,
    `  tensors: { transform: image-tensor, from: images${options(job.tensors)} }`,
    `  classes: { transform: onnx, from: tensors, model: "${job.model}"${options(job.classes)} }`,
    `  results: { sink: files, from: classes, path: "${job.output}/results", roll: { age: 500ms } }`,
    ...(job.thumbnails === false
      ? []
      : [`  thumbnails: { sink: thumbnails, from: classes, path: "${job.output}/thumbnails" }`]),
    `deadLetters: { path: "${job.output}/dead-letters", roll: { age: 500ms } }`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}
