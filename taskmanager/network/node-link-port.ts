import { type MessagePort, receiveMessageOnPort, type Transferable } from 'node:worker_threads';
import type { LinkMessage } from './link-message.ts';
import type { LinkPort } from './link-port.ts';

/** A port of `node:worker_threads` as a LinkPort. */
export function nodeLinkPort(port: MessagePort): LinkPort {
  let deliver: (messages: readonly LinkMessage[]) => void = () => {};
  return {
    post(messages, transfer) {
      port.postMessage(messages, transfer as readonly Transferable[]);
    },
    onMessages(callback) {
      deliver = callback;
      port.on('message', (messages: readonly LinkMessage[]) => callback(messages));
    },
    receivePending() {
      let received = receiveMessageOnPort(port);
      while (received !== undefined) {
        deliver(received.message);
        received = receiveMessageOnPort(port);
      }
    },
    onClose(callback) {
      port.once('close', callback);
    },
    close() {
      port.close();
    },
  };
}
