import type { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import type { OperatorNode } from '../../../shared/job-graph/job-graph.ts';
import type { SourceReader } from '../source-reader.ts';
import type { OperatorBody, OperatorFactory } from './operator-body.ts';

export interface OperatorFactoryOptions {
  /** Of the slot. */
  readonly device: 'cpu' | 'gpu';
  readonly fileSystems: FileSystemRegistry;
}

type NodeOf<Kind extends OperatorNode['kind']> = Extract<OperatorNode, { kind: Kind }>;

/**
 * Makes operators from the nodes of a job graph. Each kind's module is loaded when a job first uses
 * it: a slot that only counts loads no image library.
 */
export function operatorFactory(options: OperatorFactoryOptions): OperatorFactory {
  return (node) => {
    switch (node.kind) {
      case 'source/files':
      case 'source/datagen':
        return createSource(node);
      case 'sink/files':
      case 'sink/dead-letters':
        return createFilesSink(node, options.fileSystems);
      case 'sink/print':
      case 'sink/blackhole':
        return createOtherSink(node);
      case 'transform/filter':
      case 'transform/map':
      case 'transform/count':
        return createSynchronous(node);
      case 'transform/image-tensor':
      case 'transform/onnx':
      case 'sink/thumbnails':
        return createAsynchronous(node, options.device);
      default:
        return node satisfies never;
    }
  };
}

async function createSource(
  node: NodeOf<'source/files' | 'source/datagen'>,
): Promise<OperatorBody> {
  if (node.kind === 'source/files') {
    const { FilesReader } = await import('../../connectors/files-source/files-reader.ts');
    return { sort: 'source', reader: new FilesReader(node.options) as SourceReader<unknown> };
  }
  const { DatagenReader } = await import('../../connectors/datagen-reader.ts');
  return { sort: 'source', reader: new DatagenReader(node.options) as SourceReader<unknown> };
}

async function createFilesSink(
  node: NodeOf<'sink/files' | 'sink/dead-letters'>,
  fileSystems: FileSystemRegistry,
): Promise<OperatorBody> {
  const sinks = await import('../../connectors/files-sink/files-sink.ts');
  const sink =
    node.kind === 'sink/files'
      ? sinks.createFilesSink(node.options, fileSystems)
      : sinks.createDeadLetterSink(node.options, fileSystems);
  return { sort: 'sink', sink };
}

async function createOtherSink(
  node: NodeOf<'sink/print' | 'sink/blackhole'>,
): Promise<OperatorBody> {
  if (node.kind === 'sink/print') {
    const { createPrintSink } = await import('../../connectors/print/print-sink.ts');
    return { sort: 'sink', sink: createPrintSink(node.options) };
  }
  const { createBlackholeSink } = await import('../../connectors/blackhole/blackhole-sink.ts');
  return { sort: 'sink', sink: createBlackholeSink(node.options) };
}

async function createSynchronous(
  node: NodeOf<'transform/filter' | 'transform/map' | 'transform/count'>,
): Promise<OperatorBody> {
  switch (node.kind) {
    case 'transform/filter': {
      const { FilterOperator } = await import('../filter/filter-operator.ts');
      return { sort: 'synchronous', operator: new FilterOperator(node.options) };
    }
    case 'transform/map': {
      const { MapOperator } = await import('../map/map-operator.ts');
      return { sort: 'synchronous', operator: new MapOperator(node.options) };
    }
    case 'transform/count': {
      const { CountOperator } = await import('../count/count-operator.ts');
      return { sort: 'synchronous', operator: new CountOperator(node.options) };
    }
    default:
      return node satisfies never;
  }
}

async function createAsynchronous(
  node: NodeOf<'transform/image-tensor' | 'transform/onnx' | 'sink/thumbnails'>,
  device: 'cpu' | 'gpu',
): Promise<OperatorBody> {
  switch (node.kind) {
    case 'transform/image-tensor': {
      const { ImageTensorFunction } = await import('../image-tensor/image-tensor-function.ts');
      return { sort: 'asynchronous', function: new ImageTensorFunction(node.options) };
    }
    case 'transform/onnx': {
      const { OnnxClassifier } = await import('../onnx/onnx-classifier.ts');
      return { sort: 'asynchronous', function: new OnnxClassifier(node.options, device) };
    }
    case 'sink/thumbnails': {
      const { ThumbnailsFunction } = await import('../thumbnails/thumbnails-function.ts');
      return { sort: 'asynchronous', function: new ThumbnailsFunction(node.options) };
    }
    default:
      return node satisfies never;
  }
}
