const POOL_THREADS_DEFAULT = 4;

/** Threads that decode: those of libuv's pool, which all slots of a task manager share. */
export function decodingThreads(environment: NodeJS.ProcessEnv = process.env): number {
  const threads = Number(environment['UV_THREADPOOL_SIZE']);
  return Number.isInteger(threads) && threads > 0 ? threads : POOL_THREADS_DEFAULT;
}
