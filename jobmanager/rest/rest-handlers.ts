import type { Registry } from 'prom-client';
import type { LogRing } from '../../shared/observability/log-ring.ts';
import type { HealthAnswer } from '../../shared/rest/rest-types.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { CompilePort } from '../compile/compile-port.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import type { JobControl } from './job-control.ts';

/** What only the leader has. */
export interface LeaderHandlers {
  readonly dispatcher: JobControl;
  readonly resourceManager: Pick<ResourceManager, 'infos' | 'slotCounts' | 'drain' | 'readLog'>;
}

export interface RestHandlers {
  /** Throws NOT_LEADER, which names the leader, while this job manager is a standby. */
  readonly leading: () => LeaderHandlers;
  readonly health: () => HealthAnswer;
  /** Also of a standby. */
  readonly metrics: Registry;
  readonly compile: CompilePort;
  readonly clock: Clock;
  readonly version: string;
  readonly jobManagerId: string;
  readonly startedAtMs: number;
  /** Of this process; null: it keeps none. */
  readonly log: LogRing | null;
  /** The options in force; secrets are masked where they are shown. */
  readonly options: Readonly<Record<string, unknown>>;
}
