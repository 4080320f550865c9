// Presence and typing: whom this client watches, and who types. Nothing here is kept or queued; it is the first thing to be shed.
import { isUserId, LIMITS, OP } from '../../protocol/index.ts';
import type { ClientEnv, Timer } from './env.ts';
import { ParleyError } from './errors.ts';
import type { Link } from './link.ts';

export interface TypingEvent {
  readonly chat: string;
  readonly user: string;
  readonly on: boolean;
}

/** A member that types is forgotten after 6 s; one who goes on typing says so every 3 s. */
export const TYPING = { forgetMs: 6_000, repeatMs: 3_000, shownMax: 1_024 } as const;

/** A watch may be shed by the server, or forgotten by a part of it that crashed, without a word: it is said again this often. */
export const WATCH_AGAIN_MS = 60_000;

export class Watching {
  readonly #env: ClientEnv;
  readonly #link: Link;
  readonly #counts = new Map<string, number>();
  #timer: Timer | null = null;

  constructor(env: ClientEnv, link: Link) {
    this.#env = env;
    this.#link = link;
  }

  /** Returns what ends it. At most 256 users at a time. */
  watch(users: readonly string[]): () => void {
    const all = new Set([...this.#counts.keys(), ...users]);
    if (all.size > LIMITS.watchedUsersMax)
      throw new ParleyError('too_large', `over ${LIMITS.watchedUsersMax} watched users`);
    if (!users.every(isUserId)) throw new ParleyError('bad_argument', 'not a user id');
    const mine = [...new Set(users)];
    const fresh = mine.filter((user) => !this.#counts.has(user));
    for (const user of mine) this.#counts.set(user, (this.#counts.get(user) ?? 0) + 1);
    if (fresh.length > 0) this.#link.send({ op: OP.WATCH_PRESENCE, users: fresh, on: true });
    this.#arm();
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#unwatch(mine);
    };
  }

  #unwatch(users: readonly string[]): void {
    const gone: string[] = [];
    for (const user of users) {
      const left = (this.#counts.get(user) ?? 1) - 1;
      if (left > 0) this.#counts.set(user, left);
      else if (this.#counts.delete(user)) gone.push(user);
    }
    if (gone.length > 0) this.#link.send({ op: OP.WATCH_PRESENCE, users: gone, on: false });
  }

  online(): void {
    this.close();
    if (this.#counts.size === 0) return;
    this.#link.send({ op: OP.WATCH_PRESENCE, users: [...this.#counts.keys()], on: true });
    this.#arm();
  }

  #arm(): void {
    if (this.#counts.size > 0 && this.#link.online)
      this.#timer ??= this.#env.setTimer(() => this.online(), WATCH_AGAIN_MS);
  }

  /** The connection is gone, or the client. */
  close(): void {
    if (this.#timer !== null) this.#env.clearTimer(this.#timer);
    this.#timer = null;
  }
}

export class Typists {
  readonly #env: ClientEnv;
  readonly #link: Link;
  readonly #emit: (event: TypingEvent) => void;
  /** When this user was last said to type, by chat. */
  readonly #said = new Map<string, number>();
  readonly #shown = new Map<string, Timer>();

  constructor(env: ClientEnv, link: Link, emit: (event: TypingEvent) => void) {
    this.#env = env;
    this.#link = link;
    this.#emit = emit;
  }

  /** To be called with every key: says so at most every 3 s. */
  say(chat: string, on: boolean): void {
    const now = this.#env.now();
    const last = this.#said.get(chat);
    if (on ? last !== undefined && now - last < TYPING.repeatMs : last === undefined) return;
    if (on) this.#said.set(chat, now);
    else this.#said.delete(chat);
    this.#link.send({ op: OP.TYPING, chat, on });
  }

  heard({ chat, user, on }: TypingEvent): void {
    const key = `${chat} ${user}`;
    const timer = this.#shown.get(key);
    if (timer !== undefined) this.#env.clearTimer(timer);
    this.#shown.delete(key);
    if (on && this.#shown.size < TYPING.shownMax) {
      const forget = (): void => {
        this.#shown.delete(key);
        this.#emit({ chat, user, on: false });
      };
      this.#shown.set(key, this.#env.setTimer(forget, TYPING.forgetMs));
    }
    if (timer === undefined ? on : !on) this.#emit({ chat, user, on });
  }

  close(): void {
    for (const timer of this.#shown.values()) this.#env.clearTimer(timer);
    this.#shown.clear();
  }
}
