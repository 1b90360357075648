import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileStatus, FileSystem } from '../../shared/filesystem/filesystem.ts';
import { CsvParser } from './csv-parser.ts';

/** What a part file is read in, and the longest row. */
const CHUNK_BYTES = 4 * 1024 ** 2;
const ROW_LENGTH_MAX = 32 * 1024 ** 2;

/** A row's fields; null for a line that is none. */
export type PartRow = Readonly<Record<string, unknown>> | null;

/** The rows of one part file, some at a time; holds one piece of the file. */
export async function* partRows(
  fileSystem: FileSystem,
  file: FileStatus,
  format: 'jsonl' | 'csv',
): AsyncGenerator<readonly PartRow[]> {
  const decoder = new TextDecoder();
  const rows = format === 'csv' ? csvRows() : jsonRows(file.uri);
  for (let offset = 0; offset < file.size; offset += CHUNK_BYTES) {
    const range = { offset, length: CHUNK_BYTES, ifMatch: file.etag };
    const { bytes } = await fileSystem.read(file.uri, range);
    yield rows(decoder.decode(bytes, { stream: true }), false);
  }
  yield rows(decoder.decode(), true);
}

type RowReader = (text: string, isLast: boolean) => PartRow[];

function jsonRows(uri: string): RowReader {
  let rest = '';
  return (text, isLast) => {
    const lines = (rest + text).split('\n');
    rest = isLast ? '' : (lines.pop() ?? '');
    if (rest.length > ROW_LENGTH_MAX) {
      throw new SluiceError('PROTOCOL_VIOLATION', `${uri} is no file of JSON lines`, {
        domain: 'user',
        context: { uri },
      });
    }
    return lines.filter((line) => line !== '').map(parseLine);
  };
}

function parseLine(line: string): PartRow {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as PartRow) : null;
  } catch {
    return null;
  }
}

function csvRows(): RowReader {
  const parser = new CsvParser();
  let header: readonly string[] | null = null;
  return (text, isLast) => {
    const rows = isLast ? [...parser.push(text), ...parser.end()] : parser.push(text);
    if (header === null) header = rows.shift() ?? null;
    const columns = header ?? [];
    return rows.map((row) =>
      row.length === columns.length
        ? Object.fromEntries(columns.map((column, index) => [column, row[index]]))
        : null,
    );
  };
}
