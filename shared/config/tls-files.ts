/** PEM files of a server; they are read anew when they change. */
export interface TlsFiles {
  /** The process's own certificate, with those between it and the authority. */
  readonly certificate: string;
  readonly key: string;
  /** Whose certificates the other side may show. */
  readonly authority: string;
}
