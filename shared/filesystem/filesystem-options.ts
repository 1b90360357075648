/** How to reach what stores. Plain data: it is sent to worker threads and task managers. */
export interface FileSystemOptions {
  readonly s3?: S3Options;
}

export interface S3Options {
  /** `http://host:port` of an S3-compatible server; without it, AWS. */
  readonly endpoint?: string;
  /** Default: `AWS_REGION` or the profile's; with an endpoint and neither, `us-east-1`. */
  readonly region?: string;
  /** `host/bucket/key` rather than `bucket.host/key`. Default: true with an endpoint. */
  readonly forcePathStyle?: boolean;
  /** What the server is asked to encrypt new objects with; default `none`: what the bucket says. */
  readonly encryption?: S3Encryption;
  /** Of KMS, with `aws:kms`; default: the account's key for S3. */
  readonly kmsKeyId?: string;
  /** Calls beside the first one; default 5. */
  readonly retriesMax?: number;
  /**
   * A server that has answered before is asked again for so long, however often; default 30 s, or 0
   * where `retriesMax` is given.
   */
  readonly patienceMs?: number;
  /** Longest silence of the server, before and within an answer; default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Sockets; requests beyond wait for a free one. Default 64. */
  readonly connectionsMax?: number;
  /** Both or neither; without them the default chain: environment, profile, role. Never logged. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
}

export const S3_ENCRYPTIONS = ['none', 'AES256', 'aws:kms'] as const;
export type S3Encryption = (typeof S3_ENCRYPTIONS)[number];
