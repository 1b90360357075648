import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { JobState } from '../../shared/job-graph/states.ts';
import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type { JobFailure } from '../../shared/rest/rest-types.ts';
import type { ReportedState } from '../../shared/rpc/messages.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';
import type { SlotOffer } from '../scheduler/slots.ts';
import type { Adoption } from './adoption.ts';

/** What a JobMaster hears. */
export type JobEvent =
  | { readonly kind: 'submitted' }
  /** The scheduler found no slots yet. */
  | {
      readonly kind: 'waiting';
      readonly reason: string;
      /** In a restart: all of the job could start anew on other slots, or fewer. */
      readonly otherwise?: boolean;
    }
  | { readonly kind: 'slots-assigned'; readonly plan: SchedulePlan }
  /** In place of `submitted`: the job ran under an earlier leader, and goes on. */
  | {
      readonly kind: 'adopted';
      readonly adoption: Adoption;
      /** Its last checkpoint was complete: its tasks end. */
      readonly ending: boolean;
    }
  | {
      readonly kind: 'task-state';
      readonly attemptId: string;
      /** Who says so; anyone but the attempt's own task manager is not believed. */
      readonly taskManagerId: string;
      readonly state: ReportedState;
      readonly error: SerializedError | null;
    }
  | {
      readonly kind: 'task-manager-lost';
      readonly taskManagerId: string;
      readonly error: SerializedError;
    }
  | { readonly kind: 'source-failed'; readonly operatorId: string; readonly error: SerializedError }
  /** Whether single readers can be started again, or only whole sources; at first they can. */
  | { readonly kind: 'splits-tracked'; readonly complete: boolean }
  | { readonly kind: 'checkpoint-completed' }
  /** The last one is complete: every task commits and ends. */
  | { readonly kind: 'ending' }
  /** Too many in a row did not complete. */
  | { readonly kind: 'checkpoints-failed'; readonly error: SerializedError }
  /** The job should run on other slots: `reason` says why. A checkpoint is taken first. */
  | { readonly kind: 'rescale-wanted'; readonly reason: string }
  /** That checkpoint is complete, and the slots are reserved. */
  | { readonly kind: 'rescale' }
  /** It failed, or there is nothing to gain any more. */
  | { readonly kind: 'rescale-dropped' }
  | { readonly kind: 'cancel' }
  /** Stop with drain: the sources find nothing more, the job finishes what was read. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'timer'; readonly timer: JobTimer };

export type JobTimer =
  /** Waited long enough for slots. */
  | 'resources'
  /** Waited long enough for the cause of a failure that looks like a consequence. */
  | 'failure-grace'
  /** Cancelled tasks took too long to end. */
  | 'cancellation'
  /** The restart strategy's delay is over. */
  | 'restart-delay'
  /** Waited long enough for slots in place of lost ones. */
  | 'replacement';

/** What a JobMaster wants done; its shell does it in this order. */
export type JobEffect =
  | {
      readonly kind: 'deploy';
      readonly taskManagerId: string;
      readonly deployment: TaskDeployment;
    }
  | { readonly kind: 'cancel-task'; readonly taskManagerId: string; readonly attemptId: string }
  /** Opens the sources' enumerators, before the first task is deployed. */
  | { readonly kind: 'start-sources' }
  /** Opens the enumerators of tasks that run already. */
  | { readonly kind: 'adopt-sources'; readonly adoption: Adoption }
  | { readonly kind: 'stop-sources' }
  /** No message about this attempt will be sent or believed any more. */
  | { readonly kind: 'attempt-ended'; readonly attemptId: string }
  | { readonly kind: 'set-timer'; readonly timer: JobTimer; readonly delayMs: number }
  | { readonly kind: 'clear-timer'; readonly timer: JobTimer }
  /** The last effect of a job: slots, enumerators and timers can go. */
  | { readonly kind: 'ended'; readonly state: JobState; readonly failure: JobFailure | null }
  | RecoveryEffect;

/** Only of jobs with checkpoints. */
export type RecoveryEffect =
  /** A part of the job is about to end unfinished: no checkpoint can complete for now. */
  | { readonly kind: 'interrupt-checkpoints' }
  /** These are the job's attempts from now on; comes before they are deployed. */
  | { readonly kind: 'attempts-changed' }
  /** All current attempts run. */
  | { readonly kind: 'all-running' }
  /** One to start from on other slots: `rescale` or `rescale-dropped` follows. */
  | { readonly kind: 'take-checkpoint' }
  /** The restart's subtasks have ended and wait for slots; `slotRequest` says for which. */
  | { readonly kind: 'request-slots' }
  /** A task that did not end when it was cancelled keeps the slot; the job lets go of it. */
  | { readonly kind: 'release-slot'; readonly slot: SlotOffer }
  /** A source's subtask has a new attempt, which is deployed by now. */
  | {
      readonly kind: 'reset-subtask';
      readonly operatorId: string;
      readonly subtask: number;
      readonly attemptId: string;
    }
  /** All sources start again, from the latest completed checkpoint; their attempts are deployed. */
  | { readonly kind: 'restart-sources' };
