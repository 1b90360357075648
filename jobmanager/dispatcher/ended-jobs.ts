import type { EndedJob } from './ended-job.ts';

/** The last jobs that have ended, in the order of their ends. At most `jobsMax`. */
export class EndedJobs {
  readonly #jobs = new Map<string, EndedJob>();
  readonly #jobsMax: number;
  readonly #onForgotten: (jobId: string) => void;

  constructor(jobsMax: number, onForgotten: (jobId: string) => void) {
    this.#jobsMax = jobsMax;
    this.#onForgotten = onForgotten;
  }

  add(jobId: string, job: EndedJob): void {
    this.#jobs.set(jobId, job);
    for (const oldest of this.#jobs.keys()) {
      if (this.#jobs.size <= this.#jobsMax) break;
      this.#jobs.delete(oldest);
      this.#onForgotten(oldest);
    }
  }

  get(jobId: string): EndedJob | undefined {
    return this.#jobs.get(jobId);
  }

  has(jobId: string): boolean {
    return this.#jobs.has(jobId);
  }

  keys(): Iterable<string> {
    return this.#jobs.keys();
  }

  values(): Iterable<EndedJob> {
    return this.#jobs.values();
  }
}
