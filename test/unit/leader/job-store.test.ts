import { test } from 'node:test';
import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { jobStoreContract } from '../../support/job-store-contract.ts';

jobStoreContract(test, 'memory://', async () => {
  const store = new MemoryStore();
  return {
    storage: 'memory://cluster/storage',
    fileSystem: () => new MemoryFileSystem(store, systemClock),
  };
});
