// What the platforms share: the env of a JavaScript host, and the options of `connect`. No Node here.
import type { ClientEnv, ClientOptions, OutboxStore, Transport } from './core/index.ts';

export interface ConnectOptions extends ClientOptions {
  /** Default: that of the platform. */
  readonly env?: ClientEnv;
  readonly transport?: Transport;
}
export type StoreOption<Durable> = 'auto' | 'memory' | Durable | OutboxStore;

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._';

/** A host runs a timer of more than this at once. */
const TIMER_MS_MAX = 0x7fff_ffff;

/** Real clocks, timers and chance, of browsers and Node alike. */
export function realEnv(): ClientEnv {
  return {
    now: () => performance.now(),
    wallNow: () => Date.now(),
    setTimer: (run, ms) => setTimeout(run, Math.min(ms, TIMER_MS_MAX)),
    clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
    random: () => Math.random(),
    id: () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => LETTERS[byte & 63]).join(''),
  };
}

/** Asks `/v1/route` of the server which node to connect to; for the option `getUrl`. Throws when it does not say. */
export function routeFrom(url: string): NonNullable<ClientOptions['getUrl']> {
  const route = new URL(url.replace(/^ws/, 'http'));
  route.pathname = '/v1/route';
  route.search = '';
  return async ({ token, signal }) => {
    const response = await fetch(route, { headers: { authorization: `Bearer ${token}` }, signal });
    const answer: unknown = await response.json();
    if (typeof answer === 'object' && answer !== null && 'url' in answer && typeof answer.url === 'string')
      return answer.url;
    throw new Error(`/v1/route answered ${response.status}`);
  };
}
