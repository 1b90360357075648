import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { describeFileSystemContract } from '../../support/filesystem-contract.ts';

describeFileSystemContract('memory', async () => {
  const store = new MemoryStore();
  let folders = 0;
  return {
    open: () => new MemoryFileSystem(store, systemClock),
    newFolder: () => `memory://test/folder-${folders++}`,
    plainKeys: true,
    close: async () => {},
  };
});
