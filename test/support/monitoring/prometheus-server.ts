import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChildServer } from '../child-server.ts';
import { freePorts } from '../free-ports.ts';

const START_TIMEOUT_MS = 30_000;

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
  readonly #child: ChildServer;

  private constructor(url: string, child: ChildServer) {
    this.url = url;
    this.#child = child;
  }

  static async start({ folder, config }: PrometheusOptions): Promise<PrometheusServer> {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'prometheus.yml');
    writeFileSync(file, config);
    const [port] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    const child = await ChildServer.start({
      name: 'Prometheus',
      command: 'prometheus',
      args: [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
        '--scrape.discovery-reload-interval=200ms', // the default are 5 s
      ],
      url: `${url}/-/ready`,
      isReady: ({ ok }) => ok,
      startTimeoutMs: START_TIMEOUT_MS,
    });
    return new PrometheusServer(url, child);
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
    return alerts.map(({ state, labels: { alertname: name = '', ...labels } }) => ({
      name,
      state,
      labels,
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

  /** The values that a label had, sorted; empty ones left out. */
  async labelValues(
    label: string,
    options: { readonly selector: string } & Omit<RangeOptions, 'stepSeconds'>,
  ): Promise<readonly string[]> {
    const { selector, start, end } = options;
    const found = await this.#get<readonly Record<string, string>[]>('series', {
      'match[]': selector,
      start: String(start),
      end: String(end),
    });
    const values = found.map((series) => series[label] ?? '').filter((value) => value !== '');
    return [...new Set(values)].toSorted();
  }

  close(): Promise<void> {
    return this.#child.close();
  }

  async #get<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
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
  }[];
}

interface TargetsAnswer {
  readonly activeTargets: readonly {
    readonly labels: Record<string, string>;
    readonly health: 'up' | 'down' | 'unknown';
    readonly lastError: string;
  }[];
}
