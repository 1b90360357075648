import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessagePort } from 'node:worker_threads';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { SlotReply, SlotRequest } from '../../../taskmanager/inference/messages.ts';
import { eventually } from '../../support/eventually.ts';
import { pixelModel } from '../../support/onnx-file.ts';
import { imageOf, LOAD_OPTIONS, startInference } from './inference-harness.ts';

/** Speaks the protocol by hand and sends something that no slot sends, which ends the executor. */
async function crashExecutor(port: MessagePort, request: SlotRequest): Promise<void> {
  await new Promise<void>((resolve) => {
    port.on('message', (reply: SlotReply) => {
      if (reply.kind === 'connect') reply.port.postMessage(null);
      if (reply.kind === 'executor-lost') resolve();
    });
    port.postMessage(request);
  });
  port.close();
}

test('when an executor ends, then its users fail clearly, the process lives, a new load works', async (t) => {
  const { connect, model, service } = await startInference(t, { executors: 1 });
  const spec = await model(pixelModel());
  const { client } = connect();
  const loaded = await client.load(spec, LOAD_OPTIONS);
  const inFlight = Promise.allSettled(
    Array.from({ length: 100 }, () => loaded.infer(imageOf(1, spec))),
  );
  const request = { kind: 'load', requestId: 1, model: spec, options: LOAD_OPTIONS } as const;
  await crashExecutor(service.connectSlot(), request);

  const isLost = (error: unknown) => {
    assert.ok(error instanceof SluiceError, String(error));
    assert.equal(error.code, 'TASK_FAILED');
    assert.match(error.message, /Inference executor \d+ ended/);
    assert.equal(error.retry, 'restart-job');
    return true;
  };
  for (const result of await inFlight) {
    if (result.status === 'rejected') isLost(result.reason);
  }
  await eventually(async () => {
    const result = await loaded.infer(imageOf(1, spec)).catch((error: unknown) => error);
    return result instanceof SluiceError && isLost(result);
  });
  await loaded.release();

  const again = await client.load(spec, LOAD_OPTIONS);
  assert.equal((await again.infer(imageOf(4, spec))).indices[0], 4);
  assert.equal(service.stats()[0]?.executors, 1);
});
