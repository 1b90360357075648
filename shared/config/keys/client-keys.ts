import type { ConfigKey } from '../config-key.ts';

/** For the commands that talk to a cluster. */
export const CLIENT_KEYS = [
  {
    key: 'client.jobManager',
    type: { kind: 'text' },
    flag: '--job-manager',
    placeholder: 'url',
    variable: 'SLUICE_JOB_MANAGER',
    appliesTo: ['client'],
    preset: 'http://127.0.0.1:8081',
    meaning:
      'REST address of the job manager (several with commas), or the storage that names the leader.',
    help: 'REST address of the job manager (several: a,b), or the storage that names the leader',
  },
  {
    key: 'client.token',
    type: { kind: 'text' },
    variable: 'SLUICE_TOKEN',
    appliesTo: ['client'],
    preset: null,
    isSecret: true,
    meaning: 'Token for the REST API. It has no option: a command line is seen by others.',
  },
  {
    key: 'client.tokenFile',
    type: { kind: 'path' },
    flag: '--token-file',
    variable: 'SLUICE_TOKEN_FILE',
    appliesTo: ['client'],
    preset: null,
    meaning: 'File with the token, in place of `client.token`.',
    help: 'file with the token for the REST API',
  },
  {
    key: 'client.authority',
    type: { kind: 'path' },
    flag: '--authority',
    variable: 'SLUICE_AUTHORITY',
    appliesTo: ['client'],
    preset: null,
    presetText: "the system's authorities",
    meaning: "PEM file of the authority that signed the job manager's certificate.",
    help: "authority of the job manager's certificate, a PEM file",
  },
] as const satisfies readonly ConfigKey[];
