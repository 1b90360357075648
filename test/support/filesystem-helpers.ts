import assert from 'node:assert/strict';
import type { ErrorCode } from '../../shared/errors/codes.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileStatus, FileSystem } from '../../shared/filesystem/filesystem.ts';

/** One kind of storage, as the contract's tests reach it. */
export interface StorageUnderTest {
  /** A new adapter on the same storage, as another process would have it. */
  open(): FileSystem;
  /** The URI of a folder that nothing lies in yet. */
  newFolder(): string;
  /** Keys are plain text: `a` and `a/b` can both be files, `a//b` is not `a/b`. */
  readonly plainKeys: boolean;
  close(): Promise<void>;
}

/** What the parts of the contract's suite share. */
export interface ContractContext {
  test(title: string, body: () => Promise<void>): void;
  uriOf(path: string): string;
  folder(): string;
  fileSystem(): FileSystem;
  storage(): StorageUnderTest;
}

/** Lists page by page to the end. */
export async function listAll(
  fileSystem: FileSystem,
  prefixUri: string,
  limit = 1000,
): Promise<FileStatus[]> {
  const files: FileStatus[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const startAfter: { startAfter?: string } = next === '' ? {} : { startAfter: next };
    const page = await fileSystem.list(prefixUri, { limit, ...startAfter });
    assert.ok(page.files.length <= limit);
    files.push(...page.files);
    next = page.next;
  }
  return files;
}

export async function rejectsWith(code: ErrorCode, call: Promise<unknown>): Promise<SluiceError> {
  try {
    await call;
  } catch (error) {
    return assertCode(code, error);
  }
  return assert.fail(`expected a rejection with ${code}`);
}

export function assertCode(code: ErrorCode, error: unknown): SluiceError {
  assert.ok(error instanceof SluiceError, `not a SluiceError: ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return error;
}

/** Bytes that differ at every offset, so that a mix-up shows. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8)) & 0xff;
  return bytes;
}

export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items.values();
  const worker = async (): Promise<void> => {
    for (const item of iterator) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

export async function text(fileSystem: FileSystem, uri: string): Promise<string> {
  return Buffer.from((await fileSystem.read(uri)).bytes).toString();
}
