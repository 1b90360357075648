/**
 * How the hub gets its byte streams: the one seam where sockets are made. Plain TCP is
 * `tcp-transport.ts`; the simulation has its own. Main thread.
 */
export interface Transport {
  /** Resolves once it listens; throws a SluiceError (`PORT_IN_USE`…) where it cannot. */
  listen(options: {
    readonly host: string;
    readonly port: number;
    readonly onConnection: (connection: ByteStream) => void;
  }): Promise<TransportListener>;
  /** Bytes may be written at once; they leave when the connection stands. */
  connect(host: string, port: number): ByteStream;
}

export interface TransportListener {
  readonly port: number;
  close(): void;
}

/** One connection: ordered bytes both ways. */
export interface ByteStream {
  /** The other end, for messages: `host:port`. */
  readonly peer: string;
  /** Takes the bytes over; the caller may not change them until `onSent` (never called on loss). */
  write(bytes: Uint8Array, onSent?: () => void): void;
  /** The chunk is only valid until the callback returns. */
  onData(callback: (chunk: Uint8Array) => void): void;
  /** Called once, when no more data will come; `cause` is null where the peer ended in order. */
  onClose(callback: (cause: Error | null) => void): void;
  /** Sends what is written, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}
