import type { InferenceSession } from 'onnxruntime-node';
import type { ExecutionProvider } from './inference-options.ts';

/**
 * How ONNX Runtime runs a model. Chosen by measurement (1.30, 2 cores Zen 4, MobileNetV2 uint8 and
 * ResNet-18 int8, batches of 1 to 16, variants alternating in one process): sequential or parallel
 * execution, memory pattern, arena, spinning and denormals differ by no more than the noise. What differs:
 *
 * - resident memory after batches of 1 to 8 (MB, mobilenetv2-u8 / mobilenetv2 / resnet18-int8):
 *   arena and pattern 121 / 226 / 126; arena without pattern 118 / 216 / 124 (chosen);
 *   pattern without arena 172 / 222 / 163; neither 155 / 218 / 162;
 * - no prepacking of weights: 2 to 4 MB less, but 9 to 100 % slower.
 *
 * Spinning is off all the same: with more than one intra-op thread, spinning threads would take the
 * cores that decode.
 */
export function sessionOptions(
  executionProvider: ExecutionProvider,
  intraOpThreads: number,
): InferenceSession.SessionOptions {
  return {
    // What the provider cannot run falls back to the CPU, node by node.
    executionProviders: executionProvider === 'cpu' ? ['cpu'] : [executionProvider, 'cpu'],
    intraOpNumThreads: intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableCpuMemArena: true,
    enableMemPattern: false,
    // Silent: what fails comes back as an exception and is reported with the image or the model.
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}
