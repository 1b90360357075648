import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const ERRORS_KEPT = 4000;

export interface PrometheusOptions {
  /** Of its configuration and its data; relative paths in the configuration begin here. */
  readonly folder: string;
  /** The text of `prometheus.yml`. */
  readonly config: string;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value then. */
  readonly values: readonly (readonly [number, number])[];
}

export interface RangeOptions {
  /** Seconds since 1970, like `end`. */
  readonly start: number;
  readonly end: number;
  readonly stepSeconds: number;
}

export interface ActiveAlert {
  readonly name: string;
  readonly state: 'pending' | 'firing';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ScrapeTarget {
  readonly job: string;
  readonly instance: string;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
  /** `job` and `instance` among them. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A real Prometheus on a free port of 127.0.0.1, ended by `close()`. */
export class PrometheusServer {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#process = child;
  }

  static async start({ folder, config }: PrometheusOptions): Promise<PrometheusServer> {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'prometheus.yml');
    writeFileSync(file, config);
    const [port] = await freePorts(1);
    const child = spawn(
      'prometheus',
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.enable-lifecycle',
        '--log.level=warn',
        '--scrape.discovery-reload-interval=200ms', // the default are 5 s
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-ERRORS_KEPT);
    });
    const spawned = once(child, 'spawn'); // fails with ENOENT where it is not installed
    const server = new PrometheusServer(`http://127.0.0.1:${port}`, child);
    try {
      await spawned;
      await eventually(
        () => {
          if (child.exitCode !== null) throw new Error(`Prometheus ended: ${errors}`);
          return server.#isReady();
        },
        { timeoutMs: START_TIMEOUT_MS, message: 'Prometheus did not start' },
      );
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** The samples of an instant vector, now; a scalar is one sample without labels. */
  async query(expression: string): Promise<readonly Sample[]> {
    const { resultType, result } = await this.#get<QueryAnswer>('query', { query: expression });
    if (resultType === 'scalar') return [{ metric: {}, value: Number(result[1]) }];
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  async queryRange(expression: string, range: RangeOptions): Promise<readonly Series[]> {
    const { result } = await this.#get<RangeAnswer>('query_range', {
      query: expression,
      start: String(range.start),
      end: String(range.end),
      step: String(range.stepSeconds),
    });
    return result.map(({ metric, values }) => ({
      metric,
      values: values.map(([time, value]) => [time, Number(value)] as const),
    }));
  }

  async alerts(): Promise<readonly ActiveAlert[]> {
    const { alerts } = await this.#get<AlertsAnswer>('alerts');
    return alerts.map(({ state, labels: { alertname: name = '', ...labels }, annotations }) => ({
      name,
      state,
      labels,
      annotations,
    }));
  }

  async targets(): Promise<readonly ScrapeTarget[]> {
    const { activeTargets } = await this.#get<TargetsAnswer>('targets', { state: 'active' });
    return activeTargets.map(({ labels, health, lastError }) => ({
      job: labels.job ?? '',
      instance: labels.instance ?? '',
      health,
      lastError,
      labels,
    }));
  }

  /** Reads configuration and rules again; throws with Prometheus' message where they are wrong. */
  async reload(): Promise<void> {
    const response = await fetch(`${this.url}/-/reload`, { method: 'POST' });
    if (!response.ok) throw new Error(`Prometheus did not reload: ${await response.text()}`);
  }

  async close(): Promise<void> {
    const child = this.#process;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  async #get<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/-/ready`)).ok;
    } catch {
      return false;
    }
  }
}

type QueryAnswer =
  | {
      readonly resultType: 'vector';
      readonly result: readonly {
        readonly metric: Record<string, string>;
        readonly value: readonly [number, string];
      }[];
    }
  | { readonly resultType: 'scalar'; readonly result: readonly [number, string] };

interface RangeAnswer {
  readonly result: readonly {
    readonly metric: Record<string, string>;
    readonly values: readonly (readonly [number, string])[];
  }[];
}

interface AlertsAnswer {
  readonly alerts: readonly {
    readonly state: 'pending' | 'firing';
    readonly labels: Record<string, string>;
    readonly annotations: Record<string, string>;
  }[];
}

interface TargetsAnswer {
  readonly activeTargets: readonly {
    readonly labels: Record<string, string>;
    readonly health: 'up' | 'down' | 'unknown';
    readonly lastError: string;
  }[];
}
