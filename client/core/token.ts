// The token of the connection: when to ask the application for one, and when to replace it before it expires.
import type { ClientEnv } from './env.ts';
import { settle } from './env.ts';

export interface TokenRequest {
  /** `connect`: for a connection. `refresh`: the present one is at 80 % of its life. `refused`: the server does not take it any more. */
  readonly reason: 'connect' | 'refresh' | 'refused';
  /** Fires when the answer is of no use any more. */
  readonly signal: AbortSignal;
}
export type GetToken = (request: TokenRequest) => string | PromiseLike<string>;

/** The part of its life after which a token is replaced. */
export const REFRESH_AT = 0.8;

export class TokenKeeper {
  readonly #env: ClientEnv;
  readonly #getToken: GetToken;
  #token: string | null = null;
  /** On the env's clock; null: never. */
  #refreshAt: number | null = null;
  #lifeMs: number | null = null;
  #refused = false;
  /** True when the present token had been used on an earlier connection: then a refusal may only mean that it is stale. */
  reused = false;

  constructor(env: ClientEnv, getToken: GetToken) {
    this.#env = env;
    this.#getToken = getToken;
  }

  /** Milliseconds until the token should be replaced; null: never. */
  get refreshInMs(): number | null {
    return this.#refreshAt === null ? null : Math.max(0, this.#refreshAt - this.#env.now());
  }

  /** The one at hand while it is good, so that a herd of reconnects is not a herd of sign-ins; else a fresh one. */
  forConnection(signal: AbortSignal, done: (token: string) => void, failed: (why: unknown) => void): void {
    const token = this.#token;
    if (token !== null && this.#refreshAt !== null && this.#refreshAt > this.#env.now()) {
      this.reused = true;
      done(token);
      return;
    }
    this.fresh(this.#refused ? 'refused' : 'connect', signal, done, failed);
  }

  fresh(
    reason: TokenRequest['reason'],
    signal: AbortSignal,
    done: (token: string) => void,
    failed: (why: unknown) => void,
  ): void {
    const taken = (token: string): void => {
      if (signal.aborted) return;
      this.#token = token;
      this.#refused = false;
      this.reused = false;
      done(token);
    };
    settle(
      () => this.#getToken({ reason, signal }),
      taken,
      (why) => signal.aborted || failed(why),
    );
  }

  /** The server took the token, at its time `time`; it expires at `expires` by the server's clock. */
  taken(time: number, expires: number | null): void {
    this.#lifeMs = expires === null ? null : Math.max(0, expires - time);
    this.#plan();
  }

  /** The server took a replacement. Its life is read from the token itself, if that is a JWT; else it is as long as the last. */
  replaced(serverTime: number): void {
    const expires = this.#token === null ? null : expiryOf(this.#token);
    if (expires !== null && this.#lifeMs !== null) this.#lifeMs = Math.max(0, expires - serverTime);
    this.#plan();
  }

  #plan(): void {
    this.#refreshAt = this.#lifeMs === null ? null : this.#env.now() + Math.floor(this.#lifeMs * REFRESH_AT);
  }

  refused(): void {
    this.#token = null;
    this.#refreshAt = null;
    this.#refused = true;
  }
}

/** `exp` of a JWT in milliseconds, unverified: only to plan by. */
function expiryOf(token: string): number | null {
  const payload = token.split('.')[1];
  if (payload === undefined) return null;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : null;
    return typeof exp === 'number' ? exp * 1_000 : null;
  } catch {
    return null;
  }
}
