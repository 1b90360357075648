import type { JobGraph, OperatorNode } from './job-graph.ts';

/**
 * How many bytes one record is on a network edge, roughly: the metadata (about 1 KB with a
 * classification's five classes, 300 bytes without, 50 for generated and counted records) and the
 * tensor, which travels as uint8. The encoded image stays behind: later stages read it again.
 * How many records pass is not estimated; a filter lets through at most what comes in.
 */
const CLASSIFIED_BYTES = 1000;
const FILE_BYTES = 300;
const SMALL_BYTES = 50;

export interface TrafficEstimate {
  readonly bytesPerRecord: number;
  readonly carriesTensor: boolean;
}

interface Estimate {
  readonly metadataBytes: number;
  readonly tensorBytes: number;
}

/** What one record that leaves each operator is. Pure. */
export function estimateTraffic(graph: JobGraph): ReadonlyMap<string, TrafficEstimate> {
  const estimates = new Map<string, Estimate>();
  for (const vertex of graph.vertices) {
    for (const node of vertex.operators) {
      const upstream =
        node.chainedTo ??
        graph.edges.find(({ targetVertex }) => targetVertex === vertex.id)?.sourceOperator;
      const input = upstream === undefined ? undefined : estimates.get(upstream);
      estimates.set(node.id, estimate(node, input ?? { metadataBytes: 0, tensorBytes: 0 }));
    }
  }
  return new Map(
    [...estimates].map(([id, { metadataBytes, tensorBytes }]) => [
      id,
      { bytesPerRecord: metadataBytes + tensorBytes, carriesTensor: tensorBytes > 0 },
    ]),
  );
}

function estimate(node: OperatorNode, input: Estimate): Estimate {
  switch (node.kind) {
    case 'source/files':
      return { metadataBytes: FILE_BYTES, tensorBytes: 0 };
    case 'source/datagen':
    case 'transform/count':
      return { metadataBytes: SMALL_BYTES, tensorBytes: 0 };
    case 'transform/image-tensor': {
      const { cropHeight, cropWidth, color } = node.options.preprocessing;
      const tensorBytes = cropHeight * cropWidth * (color === 'GREY' ? 1 : 3);
      return { ...input, tensorBytes };
    }
    case 'transform/onnx':
      return { metadataBytes: CLASSIFIED_BYTES, tensorBytes: 0 };
    default:
      return input;
  }
}
