import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.ts';

const COMMAND_TIMEOUT_MS = 600_000;
const SERVICES = ['autoscaling', 'ec2', 'iam', 'kms', 's3', 'sqs', 'ssm', 'sts'];

const module = fileURLToPath(new URL('../../terraform', import.meta.url));

export interface TerraformRun {
  readonly status: number;
  readonly output: string;
}

/**
 * A copy of `terraform/`, with a state of its own. With an endpoint, all of AWS is found there.
 * `SLUICE_TERRAFORM_PLUGINS` names a folder that holds the provider; without it the provider comes
 * from such a folder in /opt, where there is one, and else from Terraform's registry.
 */
export class TerraformWorkspace {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(
    options: { readonly endpoint?: string; readonly variables?: Record<string, unknown> } = {},
  ): Promise<TerraformWorkspace> {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-terraform-'));
    await cp(module, directory, {
      recursive: true,
      filter: (source) => !/\.terraform$|\.tfstate|\.auto\.tfvars/.test(source),
    });
    const workspace = new TerraformWorkspace(directory);
    if (options.endpoint !== undefined) {
      await writeFile(join(directory, 'provider_override.tf'), providerAt(options.endpoint));
    }
    await workspace.set(options.variables ?? {});
    const plugins = process.env['SLUICE_TERRAFORM_PLUGINS'] ?? '/opt/tf-plugins';
    const from = existsSync(plugins) ? [`-plugin-dir=${plugins}`] : [];
    await workspace.run(['init', '-input=false', '-lockfile=readonly', ...from]);
    return workspace;
  }

  /** The values of the variables, in place of those given before. */
  async set(variables: Record<string, unknown>): Promise<void> {
    const file = join(this.directory, 'test.auto.tfvars.json');
    await writeFile(file, JSON.stringify(variables));
  }

  /** Throws, with what Terraform said, unless it ends with one of the statuses. */
  async run(options: readonly string[], statuses: readonly number[] = [0]): Promise<TerraformRun> {
    const result = await this.#execute(options);
    if (statuses.includes(result.status)) return result;
    throw new Error(`terraform ${options.join(' ')} → ${result.status}\n${result.output}`);
  }

  // biome-ignore lint/suspicious/noExplicitAny: what Terraform prints has no types here
  async json(options: readonly string[]): Promise<any> {
    return JSON.parse((await this.run(options)).output);
  }

  /** A plan as JSON, and whether it changes anything. */
  // biome-ignore lint/suspicious/noExplicitAny: a plan's JSON has no types here
  async plan(): Promise<{ readonly changes: boolean; readonly plan: any; readonly text: string }> {
    const { status } = await this.run(
      ['plan', '-input=false', '-detailed-exitcode', '-out=test.tfplan'],
      [0, 2],
    );
    const { output: text } = await this.run(['show', '-json', 'test.tfplan']);
    return { changes: status === 2, plan: JSON.parse(text), text };
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  async #execute(options: readonly string[]): Promise<TerraformRun> {
    const { code, output } = await runCommand('terraform', options, {
      cwd: this.directory,
      env: environment(),
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
    return { status: code ?? -1, output };
  }
}

/** Nothing of the caller's own AWS or Terraform settings. */
function environment(): Record<string, string | undefined> {
  const foreign = Object.keys(process.env).filter((name) => /^(AWS|TF)_/.test(name));
  return {
    ...Object.fromEntries(foreign.map((name) => [name, undefined])),
    TF_IN_AUTOMATION: '1',
    TF_CLI_ARGS: '-no-color',
    CHECKPOINT_DISABLE: '1',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

function providerAt(endpoint: string): string {
  return `provider "aws" {
  access_key                  = "testing"
  secret_key                  = "testing"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true

  endpoints {
${SERVICES.map((service) => `    ${service} = "${endpoint}"`).join('\n')}
  }
}
`;
}
