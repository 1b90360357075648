import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulation.ts';

const given = process.env['SLUICE_SEED'];
const seeds =
  given === undefined ? Array.from({ length: 120 }, (_, seed) => seed + 1) : [Number(given)];

test('when task managers, people and the network do their worst, then jobs and slots stay sound', async () => {
  const states = new Map<string, number>();
  const count = (outcome: string) => states.set(outcome, (states.get(outcome) ?? 0) + 1);
  for (const seed of seeds) {
    try {
      for (const { state, failure, restarts, rescales } of (await simulate(seed)).jobs) {
        count(failure === null ? state : failure.error.code);
        if (rescales > 0) count(`moved, then ${state}`);
        if (restarts > 0) count(`restarted, then ${state}`);
      }
    } catch (error) {
      const replay = `SLUICE_SEED=${seed} node --test test/simulation/scheduler/scheduler.test.ts`;
      throw new Error(`seed ${seed} failed; replay: ${replay}`, { cause: error });
    }
  }
  if (given !== undefined) return;
  // The simulation is worth its time only while it reaches every kind of end.
  for (const outcome of [
    'FINISHED',
    'CANCELED',
    'STORAGE_DENIED',
    'TASK_MANAGER_LOST',
    'restarted, then FINISHED',
    'restarted, then CANCELED',
    'restarted, then FAILED',
    'moved, then FINISHED',
    'moved, then CANCELED',
  ]) {
    assert.ok((states.get(outcome) ?? 0) > 10, `${outcome} among ${JSON.stringify([...states])}`);
  }
});
