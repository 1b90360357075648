/** `address:port`, as gRPC names a peer, too. */
export function peerOf(socket: {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}): string {
  return `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
}
