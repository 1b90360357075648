import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulation.ts';

const given = process.env['SLUICE_SEED'];
const seeds =
  given === undefined ? Array.from({ length: 200 }, (_, seed) => seed + 1) : [Number(given)];

test('when connections, slots and tasks do their worst, then channels stay in order and bounded', () => {
  const outcomes = new Map<string, number>();
  const count = (name: string): void => {
    outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
  };
  for (const seed of seeds) {
    try {
      const { fault, failures, recordsReceived } = simulate(seed);
      count(fault);
      for (const failure of failures) count(failure);
      if (recordsReceived > 0) count('received');
    } catch (error) {
      const replay = `SLUICE_SEED=${seed} npx node --test test/simulation/network/exchange.test.ts`;
      throw new Error(`seed ${seed} failed; replay: ${replay}`, { cause: error });
    }
  }
  if (given !== undefined) return;
  // The simulation is worth its time only while it reaches every kind of end.
  for (const outcome of ['received', 'NETWORK_CLOSED', 'TASK_MANAGER_LOST', 'CANCELLED']) {
    assert.ok(
      (outcomes.get(outcome) ?? 0) > 5,
      `${outcome} among ${JSON.stringify([...outcomes])}`,
    );
  }
});
