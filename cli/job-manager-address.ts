import process from 'node:process';
import { Option } from 'commander';

export const REST_ADDRESS_DEFAULT = 'http://127.0.0.1:8081';

/** `--job-manager`: where the REST API answers; on every command that talks to a cluster. */
export function jobManagerOption(): Option {
  return new Option(
    '--job-manager <url>',
    'REST address of the job manager; several with commas: whichever of them leads is asked',
  )
    .env('SLUICE_JOB_MANAGER')
    .default(process.env['SLUICE_JOB_MANAGER'] ?? REST_ADDRESS_DEFAULT);
}
