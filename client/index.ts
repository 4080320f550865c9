// The door of the client in Node: `connect` with sockets of `ws`, and a store in memory or in a file. Browsers use `browser.ts`.
import { createClient, memoryStore, type OutboxStore, type ParleyClient } from './core/index.ts';
import { fileStore } from './node/file-store.ts';
import { wsTransport } from './node/ws-transport.ts';
import { type ConnectOptions, realEnv, type StoreOption } from './platform.ts';

export * from './core/index.ts';
export { fileStore } from './node/file-store.ts';
export { wsTransport } from './node/ws-transport.ts';
export { type ConnectOptions, realEnv, routeFrom } from './platform.ts';

export interface NodeConnectOptions extends ConnectOptions {
  /**
   * Where the outbox lives. `{ file }`: a journal that survives kill −9, for one client at a time. `memory`, and `auto` in Node, where
   * no place is the obvious one: until the process ends.
   */
  readonly store?: StoreOption<{ readonly file: string }>;
}

/** Connects to a server, and stays connected until close(). */
export function connect(url: string, options: NodeConnectOptions): ParleyClient {
  const { env = realEnv(), transport = wsTransport() } = options;
  return createClient(url, { ...options, env, transport, store: storeOf(options.store ?? 'auto') });
}

function storeOf(option: StoreOption<{ readonly file: string }>): OutboxStore {
  if (option === 'auto' || option === 'memory') return memoryStore();
  return 'file' in option ? fileStore(option.file) : option;
}
