/** What the command's exit status means; `docs/cli.md` lists them. */
export const EXIT_CODES = {
  ok: 0,
  /** The work failed: a job failed, a server is unreachable, storage refused. */
  failure: 1,
  /** The command or the pipeline is wrong: nothing was started. */
  usage: 2,
  /** Abandoned with Ctrl-C before it could stop cleanly. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
