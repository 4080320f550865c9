// Reads from history what a chat lacks, a few chats at a time, until nothing is missing. An answer that brings nothing (a replica
// that is behind) is asked for again with backoff, for as long as it takes: what is missing is never assumed to be nobody's.
import { type Frame, OP } from '../../protocol/index.ts';
import { backoffMs } from './backoff.ts';
import type { ChatEntry } from './entry.ts';
import type { ClientEnv } from './env.ts';
import type { ParleyError } from './errors.ts';
import type { Gap, Lane } from './lane.ts';
import type { Requests } from './requests.ts';

export const FETCH = { chatsMax: 4, graceMs: 200 } as const;

export interface FetcherOwner {
  mayRead(lane: Lane): boolean;
  entriesOf(page: Frame<'HISTORY_PAGE'>): ChatEntry[];
  changed(lane: Lane): void;
  refused(gap: Gap): void;
}

export class Fetcher {
  readonly #env: ClientEnv;
  readonly #requests: Requests;
  readonly #owner: FetcherOwner;
  /** Those that wait for one of the places, in turn. */
  readonly #queue = new Set<Lane>();
  #asking = 0;
  #closed = false;

  constructor(env: ClientEnv, requests: Requests, owner: FetcherOwner) {
    this.#env = env;
    this.#requests = requests;
    this.#owner = owner;
  }

  /** Asks for what the chat lacks, if it does. Not urgent: a moment later, for what is most likely on its way already. */
  seek(lane: Lane, urgent: boolean): void {
    if (this.#closed || lane.asking || !this.#owner.mayRead(lane) || lane.inbox.wanted() === null) return;
    if (lane.timer !== null && (lane.failures > 0 || !urgent)) return;
    if (!urgent) {
      this.#later(lane, FETCH.graceMs);
      return;
    }
    this.#stopTimer(lane);
    this.#queue.add(lane);
    this.#next();
  }

  #later(lane: Lane, ms: number): void {
    this.#stopTimer(lane);
    lane.timer = this.#env.setTimer(() => {
      lane.timer = null;
      this.seek(lane, true);
    }, ms);
  }

  #stopTimer(lane: Lane): void {
    if (lane.timer !== null) this.#env.clearTimer(lane.timer);
    lane.timer = null;
  }

  #next(): void {
    for (const lane of this.#queue) {
      if (this.#asking >= FETCH.chatsMax) return;
      this.#queue.delete(lane);
      this.#ask(lane);
    }
  }

  #ask(lane: Lane): void {
    const wanted = lane.inbox.wanted();
    if (wanted === null || lane.asking) return;
    this.#asking++;
    lane.asking = true;
    const { chat } = lane;
    const ask = (ref: number) => ({ op: OP.HISTORY, ref, chat, ...wanted, back: false });
    const done = (page: Frame<'HISTORY_PAGE'>): void => {
      let brought = false;
      try {
        if (page.chat === chat) brought = lane.inbox.page(page.from, page.to, this.#owner.entriesOf(page));
      } catch {
        // A page that cannot be read brings nothing.
      }
      this.#answered(lane, brought);
    };
    const failed = (error: ParleyError): void => {
      // Whoever was never a member can never read it. Anything else may pass.
      const gap = error.code === 'not_member' || error.code === 'forbidden' ? lane.inbox.giveUp() : null;
      if (gap !== null) this.#owner.refused({ chat, ...gap, action: 'refused' });
      this.#answered(lane, gap !== null);
    };
    this.#requests.ask(ask, 'HISTORY_PAGE', done, failed, { timeoutMs: Number.POSITIVE_INFINITY });
  }

  #answered(lane: Lane, brought: boolean): void {
    if (this.#closed) return;
    this.#asking--;
    lane.asking = false;
    this.#owner.changed(lane);
    lane.failures = brought || lane.inbox.wanted() === null ? 0 : lane.failures + 1;
    if (lane.failures === 0) this.seek(lane, true);
    else this.#later(lane, 250 + backoffMs(lane.failures, () => this.#env.random()));
    this.#next();
  }

  close(lanes: Iterable<Lane>): void {
    this.#closed = true;
    for (const lane of lanes) this.#stopTimer(lane);
    this.#queue.clear();
  }
}
