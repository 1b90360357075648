import type { ChannelOptions } from '@grpc/grpc-js';

/** The longest message of the control plane, either way: a deployment with all its options. */
export const MESSAGE_BYTES_MAX = 16 * 1024 ** 2;

/**
 * For servers and clients alike. A connection whose other end vanished without a word (a pulled
 * cable) is found by the pings; heartbeats of the domain find a process that hangs.
 */
export const channelOptions: ChannelOptions = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  // A task manager's own loop decides when to try again; the channel must not wait longer than it.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // Addresses are given, never proxied.
  'grpc.enable_http_proxy': 0,
};
