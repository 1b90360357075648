import { filesSinkKind } from '../../support/files-sink-storage.ts';
import { describeSinkContract } from '../../support/sink-contract.ts';
import { TransactionalStorage, transactionalSink } from '../../support/transactional-sink.ts';

describeSinkContract('the sink of the runtime’s own tests', async () => ({
  setUp: async () => {
    const storage = new TransactionalStorage();
    return {
      create: () => transactionalSink(storage) as ReturnType<typeof transactionalSink>,
      visible: async () => storage.values as number[],
      pending: async () => storage.pending.size,
    };
  },
  close: async () => {},
}));

let folders = 0;
const newFolder = (): string => {
  folders += 1;
  return `memory://sink-contract/folder-${folders}`;
};

describeSinkContract('files, in memory,', async () => filesSinkKind({ sink: 'files', newFolder }));

describeSinkContract('dead letters, in memory,', async () =>
  filesSinkKind({ sink: 'dead-letters', newFolder }),
);
