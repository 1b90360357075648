/** Rows as text: JSON Lines, or CSV as in RFC 4180. Pure. */
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { RecordValue } from '../../../shared/record/stream-record.ts';

export interface RowEncoder {
  /** The name ending of the files. */
  readonly extension: string;
  readonly contentType: string;
  /** What every file begins with; asked for after the first row was encoded. */
  header(): string;
  /** One row with its line end. Throws RECORD_INVALID where it cannot be written. */
  encode(row: RecordValue): string;
}

export function createRowEncoder(
  format: 'jsonl' | 'csv',
  fields: readonly string[] | null,
): RowEncoder {
  return format === 'jsonl' ? new JsonLinesEncoder() : new CsvEncoder(fields);
}

class JsonLinesEncoder implements RowEncoder {
  readonly extension = 'jsonl';
  readonly contentType = 'application/x-ndjson';

  header(): string {
    return '';
  }

  encode(row: RecordValue): string {
    return `${toJson(row)}\n`;
  }
}

/** Without named fields the first row's make the columns; a row with others is rejected. */
class CsvEncoder implements RowEncoder {
  readonly extension = 'csv';
  readonly contentType = 'text/csv; charset=utf-8';
  #columns: readonly string[] | null;

  constructor(fields: readonly string[] | null) {
    this.#columns = fields;
  }

  header(): string {
    return csvLine(this.#columns ?? []);
  }

  encode(row: RecordValue): string {
    this.#columns ??= Object.keys(row);
    const columns = this.#columns;
    const unknown = Object.keys(row).find((field) => !columns.includes(field));
    if (unknown !== undefined) {
      throw new SluiceError('RECORD_INVALID', `the CSV file has no column for "${unknown}"`, {
        domain: 'user',
        context: { field: unknown },
        hint: 'Name the columns in `fields` of the sink.',
      });
    }
    return csvLine(columns.map((column) => csvText(row[column])));
  }
}

function csvText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return toJson(value);
  return String(value);
}

function csvLine(texts: readonly string[]): string {
  return `${texts.map(quoted).join(',')}\r\n`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** CEL's integers are bigints; JSON has numbers. The replacer is slow, so it runs only for those. */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return toJsonWithBigints(value);
  }
}

function toJsonWithBigints(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, inner: unknown) => {
      if (typeof inner !== 'bigint') return inner;
      return Number.isSafeInteger(Number(inner)) ? Number(inner) : String(inner);
    });
  } catch (error) {
    throw new SluiceError('RECORD_INVALID', 'the record cannot be written as JSON', {
      domain: 'user',
      cause: error,
    });
  }
}
