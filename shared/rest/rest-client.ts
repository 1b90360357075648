import { setTimeout as delay } from 'node:timers/promises';
import { ERROR_CODES, type ErrorCode } from '../errors/codes.ts';
import { deserializeError, type SerializedError, SluiceError } from '../errors/sluice-error.ts';
import type { JobState } from '../job-graph/states.ts';
import { parseAddresses } from '../rpc/job-manager-addresses.ts';
import { isLoopback } from '../security/loopback.ts';
import { connectionProblem } from './connection-problems.ts';
import { PAGE_LIMIT_MAX } from './rest-limits.ts';
import type {
  CheckpointInfo,
  ClusterOverview,
  ConfigAnswer,
  HealthAnswer,
  JobCheckpointsDetail,
  JobDetail,
  JobException,
  JobExceptionList,
  JobList,
  JobPlan,
  JobSummary,
  LogAnswer,
  LogQuery,
  ProblemDetails,
  SavepointAnswer,
  SavepointRequest,
  StopJobRequest,
  SubmitJobAnswer,
  SubmitJobRequest,
  SubtaskDetail,
  SubtaskList,
  TaskManagerInfo,
  TaskManagerList,
  VertexDetail,
  VertexList,
} from './rest-types.ts';
import { secureFetch } from './secure-fetch.ts';

export interface RestClientOptions {
  /** For one request; a submission may read models and has two minutes. */
  readonly timeoutMs?: number;
  /** Sent with every request, over TLS or to this machine only. */
  readonly token?: string;
  /** PEM: certificates that are trusted instead of the public ones. */
  readonly authority?: string;
  readonly fetch?: typeof fetch;
}

export interface JobsFilter {
  readonly state?: JobState | undefined;
  /** The newest ones; default: all. */
  readonly limit?: number | undefined;
}

export type LogFilter = { readonly [Key in keyof LogQuery]: LogQuery[Key] | undefined };

export type SubmitOutcome =
  | {
      readonly kind: 'submitted';
      readonly id: string;
      readonly warnings: readonly SerializedError[];
      readonly resumed: boolean;
    }
  /** The pipeline is invalid; everything that is wrong with it. */
  | { readonly kind: 'rejected'; readonly problems: readonly SerializedError[] };

const TIMEOUT_MS = 10_000;
const SUBMIT_TIMEOUT_MS = 130_000;
/** A savepoint is aligned: under back-pressure it takes as long as what is in flight. */
const SAVEPOINT_TIMEOUT_MS = 290_000;
/** A job's detail with thousands of subtasks stays far below it. */
const ANSWER_BYTES_MAX = 32 * 1024 ** 2;

const CODES: ReadonlySet<string> = new Set(ERROR_CODES);

/** An election takes seconds: so often the leader is looked for, with so long a pause between. */
const LEADER_LOOKS_MAX = 40;
const LEADER_PAUSE_MS = 250;

interface Answer {
  readonly problem: ProblemDetails | null;
  readonly body: unknown;
}

/**
 * The REST v1 client of the command line. Every method rejects with a SluiceError: the job manager's
 * own, or NETWORK_UNREACHABLE, NETWORK_TIMEOUT, PROTOCOL_VIOLATION about the way to it. A standby names
 * the leader, which is asked instead; of several addresses those that nobody listens at are passed over.
 */
export class RestClient {
  readonly #addresses: readonly string[];
  /** Of the job manager that is asked now: one of the addresses, or one that a standby named. */
  #base: string;
  readonly #timeoutMs: number;
  readonly #token: string | null;
  readonly #fetch: typeof fetch;

  /** `address`: `http://host:port`, or `host:port`; several with commas. */
  constructor(address: string, options: RestClientOptions = {}) {
    this.#addresses = parseAddresses(address).map(baseUrl);
    this.#base = this.#addresses[0] ?? '';
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#token = options.token ?? null;
    if (this.#token !== null) requireToken(this.#token);
    const { authority } = options;
    const secure = authority === undefined ? fetch : secureFetch(authority);
    this.#fetch = options.fetch ?? ((url, init) => (isHttps(url) ? secure : fetch)(url, init));
    for (const base of this.#addresses) this.#requireSafe(base);
  }

  /** Of whichever job manager is asked first: a standby answers, too. */
  health(): Promise<HealthAnswer> {
    return this.#get('/v1/health');
  }

  cluster(): Promise<ClusterOverview> {
    return this.#get('/v1/cluster');
  }

  config(): Promise<ConfigAnswer> {
    return this.#get('/v1/config');
  }

  /** Of the job manager that is asked first: a standby answers, too. */
  log(query: LogFilter = {}): Promise<LogAnswer> {
    return this.#get('/v1/log', query);
  }

  taskManagerLog(id: string, query: LogFilter = {}): Promise<LogAnswer> {
    return this.#get(`/v1/task-managers/${encodeURIComponent(id)}/log`, query);
  }

  taskManagers(): Promise<readonly TaskManagerInfo[]> {
    return this.#all('/v1/task-managers', ({ taskManagers }: TaskManagerList) => taskManagers);
  }

  taskManager(id: string): Promise<TaskManagerInfo> {
    return this.#get(`/v1/task-managers/${encodeURIComponent(id)}`);
  }

  /** At once; its `state` tells when nothing runs there any more. */
  drain(id: string): Promise<TaskManagerInfo> {
    return this.#call('POST', `/v1/task-managers/${encodeURIComponent(id)}/drain`);
  }

  /** Newest first. */
  jobs({ limit, state }: JobsFilter = {}): Promise<readonly JobSummary[]> {
    return this.#all('/v1/jobs', ({ jobs }: JobList) => jobs, { limit, state });
  }

  job(id: string): Promise<JobDetail> {
    return this.#get(jobPath(id));
  }

  plan(id: string): Promise<JobPlan> {
    return this.#get(`${jobPath(id)}/plan`);
  }

  /** Newest first. */
  exceptions(id: string): Promise<readonly JobException[]> {
    const path = `${jobPath(id)}/exceptions`;
    return this.#all(path, ({ exceptions }: JobExceptionList) => exceptions);
  }

  vertices(id: string): Promise<VertexList> {
    return this.#get(`${jobPath(id)}/vertices`);
  }

  vertex(id: string, vertex: string): Promise<VertexDetail> {
    return this.#get(`${jobPath(id)}/vertices/${encodeURIComponent(vertex)}`);
  }

  subtasks(id: string, vertex: string): Promise<readonly SubtaskDetail[]> {
    const path = `${jobPath(id)}/vertices/${encodeURIComponent(vertex)}/subtasks`;
    return this.#all(path, ({ subtasks }: SubtaskList) => subtasks);
  }

  checkpoints(id: string): Promise<JobCheckpointsDetail> {
    return this.#get(`${jobPath(id)}/checkpoints`);
  }

  checkpoint(id: string, checkpoint: number): Promise<CheckpointInfo> {
    return this.#get(`${jobPath(id)}/checkpoints/${checkpoint}`);
  }

  cancelJob(id: string): Promise<JobDetail> {
    return this.#call('POST', `${jobPath(id)}/cancel`);
  }

  stopJob(id: string): Promise<JobDetail> {
    return this.#call('POST', `${jobPath(id)}/stop`);
  }

  /** Resolves once it is complete. */
  savepoint(id: string, request: SavepointRequest = {}): Promise<SavepointAnswer> {
    return this.#savepoint(`${jobPath(id)}/savepoints`, request);
  }

  /** Resolves once the job has ended with the savepoint. */
  stopWithSavepoint(id: string, request: SavepointRequest = {}): Promise<SavepointAnswer> {
    const body: StopJobRequest = { ...request, savepoint: true };
    return this.#savepoint(`${jobPath(id)}/stop`, body);
  }

  async submitJob(request: SubmitJobRequest): Promise<SubmitOutcome> {
    const timeoutMs = Math.max(this.#timeoutMs, SUBMIT_TIMEOUT_MS);
    const answer = await this.#request('POST', '/v1/jobs', { body: request, timeoutMs });
    if (answer.problem?.problems !== undefined) {
      return { kind: 'rejected', problems: answer.problem.problems };
    }
    if (answer.problem !== null) throw errorOf(answer.problem);
    return { kind: 'submitted', ...(answer.body as SubmitJobAnswer) };
  }

  async #savepoint(path: string, body: StopJobRequest): Promise<SavepointAnswer> {
    const timeoutMs = Math.max(this.#timeoutMs, SAVEPOINT_TIMEOUT_MS);
    const answer = await this.#request('POST', path, { body, timeoutMs });
    if (answer.problem !== null) throw errorOf(answer.problem);
    return answer.body as SavepointAnswer;
  }

  #get<Answer>(path: string, query: Query = {}): Promise<Answer> {
    return this.#call('GET', path + queryText(query));
  }

  /** The entries of every page, or the first `limit` ones. */
  async #all<Page extends { readonly next: string | null }, Item>(
    path: string,
    itemsOf: (page: Page) => readonly Item[],
    {
      limit = Number.POSITIVE_INFINITY,
      ...filter
    }: Query & { readonly limit?: number | undefined } = {},
  ): Promise<readonly Item[]> {
    const all: Item[] = [];
    let after: string | undefined;
    do {
      const pageLimit = Math.min(limit - all.length, PAGE_LIMIT_MAX);
      const page = await this.#get<Page>(path, { ...filter, limit: pageLimit, after });
      all.push(...(itemsOf(page) ?? []));
      after = page.next ?? undefined;
    } while (after !== undefined && all.length < limit);
    return all;
  }

  async #call<Answer>(method: 'GET' | 'POST', path: string): Promise<Answer> {
    const answer = await this.#request(method, path, { timeoutMs: this.#timeoutMs });
    if (answer.problem !== null) throw errorOf(answer.problem);
    return answer.body as Answer;
  }

  /** Of the leader: nothing was done where a standby refused, or where nobody listened. */
  async #request(
    method: 'GET' | 'POST',
    path: string,
    options: { body?: unknown; timeoutMs: number },
  ): Promise<Answer> {
    for (let look = 1; ; look += 1) {
      const isLast = look === LEADER_LOOKS_MAX;
      let leader: unknown;
      try {
        const answer = await this.#requestHere(method, path, options);
        if (answer.problem?.code !== 'NOT_LEADER' || isLast) return answer;
        leader = answer.problem.context?.['restAddress'];
      } catch (error) {
        if (isLast || !this.#isElsewhere(error)) throw error;
      }
      const known = this.#leaderBase(leader);
      this.#base = known === this.#base ? this.#nextAddress() : known;
      if (look > 1 || known === this.#base) await delay(LEADER_PAUSE_MS);
    }
  }

  /** What a standby says of the leader; it can have a token sent to no worse place than itself. */
  #leaderBase(leader: unknown): string {
    if (typeof leader !== 'string' || leader === '') return this.#base;
    const base = baseUrl(leader);
    if (isHttps(this.#base) && !isHttps(base)) return this.#base;
    this.#requireSafe(base);
    return base;
  }

  #requireSafe(base: string): void {
    if (this.#token === null || isHttps(base)) return;
    if (isLoopback(new URL(base).hostname.replace(/^\[(.*)\]$/u, '$1'))) return;
    throw new SluiceError('ARGUMENT_INVALID', `a token is never sent in clear text to ${base}`, {
      domain: 'user',
      context: { address: base },
      hint: 'use https:// with --authority; without TLS take the token away (SLUICE_TOKEN)',
    });
  }

  /** Whether nobody listens here, but maybe at another address. */
  #isElsewhere(error: unknown): boolean {
    const isOnly = this.#addresses.length === 1 && this.#addresses[0] === this.#base;
    if (isOnly || !(error instanceof SluiceError)) return false;
    return error.code === 'NETWORK_UNREACHABLE' && error.message.includes('ECONNREFUSED');
  }

  #nextAddress(): string {
    const index = this.#addresses.indexOf(this.#base);
    return this.#addresses[(index + 1) % this.#addresses.length] ?? this.#base;
  }

  async #requestHere(
    method: 'GET' | 'POST',
    path: string,
    options: { body?: unknown; timeoutMs: number },
  ): Promise<Answer> {
    const { body, timeoutMs } = options;
    let response: Response;
    let text: string;
    try {
      response = await this.#fetch(`${this.#base}${path}`, {
        method,
        signal: AbortSignal.timeout(timeoutMs),
        redirect: 'error',
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await boundedText(response);
    } catch (error) {
      throw this.#unreachable(error, timeoutMs);
    }
    const type = response.headers.get('content-type') ?? '';
    if (response.ok && type.includes('application/json')) {
      return { problem: null, body: this.#parse(text) };
    }
    if (type.includes('application/problem+json')) {
      return { problem: this.#parse(text) as ProblemDetails, body: null };
    }
    throw this.#stranger();
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.#stranger();
    }
  }

  #unreachable(error: unknown, timeoutMs: number): SluiceError {
    if (error instanceof SluiceError) return error;
    const context = { address: this.#base };
    if (error instanceof Error && /^(Timeout|Abort)Error$/u.test(error.name)) {
      return new SluiceError(
        'NETWORK_TIMEOUT',
        `the job manager at ${this.#base} did not answer within ${timeoutMs / 1000} s`,
        { domain: 'external', retry: 'backoff', context },
      );
    }
    return connectionProblem(this.#base, error);
  }

  #stranger(): SluiceError {
    return new SluiceError(
      'PROTOCOL_VIOLATION',
      `something answers at ${this.#base}, but it is no Sluice job manager`,
      {
        domain: 'user',
        context: { address: this.#base },
        hint: "use the job manager's REST address, which it logs when it starts",
      },
    );
  }
}

type Query = Readonly<Record<string, string | number | undefined>>;

function jobPath(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters}`;
}

function baseUrl(address: string): string {
  const text = /^https?:\/\//u.test(address) ? address : `http://${address}`;
  if (!URL.canParse(text) || new URL(text).hostname === '') {
    throw new SluiceError('ARGUMENT_INVALID', `"${address}" is not the address of a job manager`, {
      domain: 'user',
      hint: 'write it as host:port, for example 127.0.0.1:8081',
    });
  }
  return new URL(text).origin;
}

/** What a header can carry. Never a word of it in the message. */
function requireToken(token: string): void {
  if (/^[\x21-\x7e]+$/u.test(token)) return;
  throw new SluiceError('ARGUMENT_INVALID', 'what is given as the token is none', {
    domain: 'user',
    hint: 'it is one word: what `sluice tokens create` printed',
  });
}

function isHttps(url: string | URL | Request): boolean {
  return String(url instanceof Request ? url.url : url).startsWith('https:');
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      const limit = `${ANSWER_BYTES_MAX / 1024 ** 2} MiB`;
      throw new SluiceError('MESSAGE_TOO_LARGE', `the answer is longer than ${limit}`, {
        domain: 'external',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The job manager's error, as it was thrown there. */
function errorOf(problem: ProblemDetails): SluiceError {
  const [only] = problem.problems ?? [];
  if (only !== undefined) return deserializeError(only);
  const code = CODES.has(problem.code) ? (problem.code as ErrorCode) : 'INTERNAL';
  const domain = problem.status >= 500 ? 'external' : 'user';
  return new SluiceError(code, problem.detail, {
    domain: code === 'INTERNAL' ? 'internal' : domain,
    context: problem.context ?? {},
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
}
