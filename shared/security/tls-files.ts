/** Where a process's identity lies: PEM files, read again when they change. */
export interface TlsFiles {
  /** Its certificate, and those between it and the authority, if there are any. */
  readonly certificate: string;
  readonly key: string;
  /** The private authority; several certificates while one takes over from another. */
  readonly authority: string;
}
