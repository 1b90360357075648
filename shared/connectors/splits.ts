/** A file to read (Flink's FileSourceSplit); plain JSON, it travels from enumerator to reader. */
export interface FileSplit {
  readonly uri: string;
  readonly etag: string;
  readonly size: number;
  readonly modifiedAtMs: number;
}

/** A range of sequence numbers to generate: `from` inclusive, `to` exclusive. */
export interface DatagenSplit {
  readonly from: number;
  readonly to: number;
}
