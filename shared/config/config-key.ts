import type { JobManagerOptions } from './job-manager-options.ts';
import type { TaskManagerOptions } from './task-manager-options.ts';

/**
 * One setting of Sluice, as data: the command line, the reader of `sluice.yaml` and the documentation
 * are made from it.
 */
export interface ConfigKey {
  /** Where it stands in the file: `jobManager.restPort`. */
  readonly key: string;
  readonly type: ConfigType;
  /** `--rest-port`; several keys have none. */
  readonly flag?: `--${string}`;
  /** Of the option's value in `--help`; default: by type. */
  readonly placeholder?: string;
  readonly variable: `SLUICE_${string}`;
  readonly appliesTo: readonly ConfigScope[];
  /** Null: not set. */
  readonly preset: ConfigValue | null;
  /** How the default comes about, where it is computed: `half the cores`. */
  readonly presetText?: string;
  /** The field that it sets; a part of one (`tls`, the file systems' options) has none. */
  readonly jobManagerField?: keyof JobManagerOptions;
  readonly taskManagerField?: keyof TaskManagerOptions;
  /** Never shown. */
  readonly isSecret?: true;
  /** One or two sentences. */
  readonly meaning: string;
  /** For `--help`, without a full stop; default: the meaning. */
  readonly help?: string;
}

export type ConfigScope = 'job manager' | 'task manager' | 'client';

export type ConfigType =
  | { readonly kind: 'text' }
  /** A file or folder of this machine; relative to the file that says it, or the working directory. */
  | { readonly kind: 'path' }
  /** A path, or a URI; made a URI. */
  | { readonly kind: 'location' }
  | { readonly kind: 'url' }
  /** 0: any free one. */
  | { readonly kind: 'port' }
  | {
      readonly kind: 'integer';
      /** What is counted. */
      readonly unit: string;
      readonly min: number;
      readonly max: number;
    }
  /** Milliseconds; `10s` in the file. */
  | { readonly kind: 'duration'; readonly minMs: number; readonly maxMs: number }
  /** Bytes; `16MiB` in the file. */
  | { readonly kind: 'size'; readonly maxBytes: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  /** Of texts; in one text, with commas between them. */
  | { readonly kind: 'list'; readonly itemsMax: number }
  /** From names to texts; in one text, `name=value` with commas. */
  | { readonly kind: 'map'; readonly entriesMax: number };

/** Durations in milliseconds, sizes in bytes. */
export type ConfigValue =
  | string
  | number
  | boolean
  | readonly string[]
  | Readonly<Record<string, string>>;

/** What a value of a type is in TypeScript. */
export type ValueOfType<T extends ConfigType> = T extends { readonly kind: 'enum' }
  ? T['values'][number]
  : T['kind'] extends 'text' | 'path' | 'location' | 'url'
    ? string
    : T['kind'] extends 'port' | 'integer' | 'duration' | 'size'
      ? number
      : T['kind'] extends 'boolean'
        ? boolean
        : T['kind'] extends 'list'
          ? readonly string[]
          : Readonly<Record<string, string>>;
