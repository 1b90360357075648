import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ChildServer } from './child-server.ts';
import { freePorts } from './free-ports.ts';

const START_TIMEOUT_MS = 60_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

const folder = fileURLToPath(new URL('../../.cache/moto', import.meta.url));

/** Calls of one process: botocore takes longer to load than all of them take to answer. */
const CALLS_SCRIPT = `
import boto3, json, sys
endpoint, calls = sys.argv[1], json.loads(sys.argv[2])
clients, answers = {}, []
for service, operation, parameters in calls:
    if service not in clients:
        clients[service] = boto3.client(service, endpoint_url=endpoint, region_name='us-east-1',
            aws_access_key_id='testing', aws_secret_access_key='testing')
    try:
        answer = getattr(clients[service], operation)(**parameters)
        answer.pop('ResponseMetadata', None)
    except clients[service].exceptions.ClientError as error:
        answer = {'error': error.response['Error']['Code']}
    answers.append(answer)
print(json.dumps(answers, default=str))
`;

/** Service, operation in boto3's words, parameters: `['ec2', 'describe_vpcs', {}]`. */
export type AwsCall = readonly [string, string, Readonly<Record<string, unknown>>];

/** What boto3 gives for a call; `{ error: code }` where AWS refuses it. */
// biome-ignore lint/suspicious/noExplicitAny: the answers of a hundred operations
export type AwsAnswer = any;

/** moto, an emulator of AWS' APIs, which `install-moto.sh` puts into `.cache/moto`. */
export class MotoServer {
  readonly endpoint: string;
  readonly #child: ChildServer;

  private constructor(endpoint: string, child: ChildServer) {
    this.endpoint = endpoint;
    this.#child = child;
  }

  /** `host`: what it listens on; default: the loopback. */
  static async start(options: { readonly host?: string } = {}): Promise<MotoServer> {
    const host = options.host ?? '127.0.0.1';
    const binary = `${folder}/bin/moto_server`;
    if (!existsSync(binary)) {
      throw new Error(`there is no ${binary}: run \`bash test/support/install-moto.sh\``);
    }
    const [port = 0] = await freePorts(1);
    const endpoint = `http://${host}:${port}`;
    const child = await ChildServer.start({
      name: 'moto',
      command: binary,
      args: ['-H', host, '-p', String(port)],
      url: `${endpoint}/moto-api/`,
      isReady: ({ ok }) => ok,
      startTimeoutMs: START_TIMEOUT_MS,
    });
    return new MotoServer(endpoint, child);
  }

  /** One answer for each call, in their order. */
  async call(calls: readonly AwsCall[]): Promise<AwsAnswer[]> {
    const { stdout } = await promisify(execFile)(
      `${folder}/bin/python`,
      ['-c', CALLS_SCRIPT, this.endpoint, JSON.stringify(calls)],
      { maxBuffer: ANSWER_BYTES_MAX },
    );
    return JSON.parse(stdout) as AwsAnswer[];
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
