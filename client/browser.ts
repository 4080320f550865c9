// The door of the client in browsers: `connect` with the browser's WebSocket and IndexedDB. No Node, no eval: fine under a strict
// content security policy.
import { idbStore } from './browser/idb-store.ts';
import { webTransport } from './browser/web-transport.ts';
import { createClient, memoryStore, type OutboxStore, type ParleyClient } from './core/index.ts';
import { type ConnectOptions, realEnv, type StoreOption } from './platform.ts';

export { idbStore } from './browser/idb-store.ts';
export { webTransport } from './browser/web-transport.ts';
export * from './core/index.ts';
export { type ConnectOptions, realEnv, routeFrom } from './platform.ts';

export interface BrowserConnectOptions extends ConnectOptions {
  /** Where the outbox lives. `auto`: IndexedDB where there is one, a database for this server and device; else `memory`. */
  readonly store?: StoreOption<{ readonly database: string }>;
}

/** Connects to a server, and stays connected until close(). */
export function connect(url: string, options: BrowserConnectOptions): ParleyClient {
  const { env = realEnv(), transport = webTransport() } = options;
  const store = storeOf(options.store ?? 'auto', `parley ${url} ${options.device}`);
  const client = createClient(url, { ...options, env, transport, store });
  wakeWithThePage(client);
  return client;
}

function storeOf(option: StoreOption<{ readonly database: string }>, name: string): OutboxStore {
  if (option === 'memory' || (option === 'auto' && typeof indexedDB === 'undefined')) return memoryStore();
  if (option === 'auto') return idbStore(name);
  return 'database' in option ? idbStore(option.database) : option;
}

/** Back on the network, or looked at again: do not wait for the timer, nor trust a socket that slept. */
function wakeWithThePage(client: ParleyClient): void {
  if (typeof window === 'undefined') return;
  const wake = (): void => {
    if (document.visibilityState === 'visible' && client.state.is !== 'stopped') client.wake();
  };
  window.addEventListener('online', wake);
  document.addEventListener('visibilitychange', wake);
  client.on('state', (state) => {
    if (state.is !== 'stopped' || state.reason !== 'closed') return;
    window.removeEventListener('online', wake);
    document.removeEventListener('visibilitychange', wake);
  });
}
