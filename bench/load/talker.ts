// A load worker of real clients, which come back and repeat by themselves: for what happens while nodes die and shards move. Each pair's
// sender speaks at a steady pace, and notes when each message was told `sent`; the promise is checked on what the receiver showed.
// Started by the scenarios, asked over IPC. Times are of the wall clock, which parent and child share.
import { connect, type ParleyClient } from '../../client/index.ts';
import { issueToken } from '../../gateway/index.ts';
import { announce, serveParent } from '../child-port.ts';
import { chatOfRoom } from './dialect-parley.ts';
import type { Seating } from './worker.ts';

export interface TalkerArgs {
  readonly secret: string;
}
export interface Pace {
  /** Of all pairs together. */
  readonly perSecond: number;
}
export interface Window {
  readonly from: number;
  readonly to: number;
}
/** Of one pair, what happened between two moments. */
export interface PairReport {
  readonly chat: string;
  /** Names of the nodes that they are connected to now; null: to none. */
  readonly senderAt: string | null;
  readonly receiverAt: string | null;
  /** From the window's begin to the first `sent` of what was said in it, and to the first that was shown; null: none yet. */
  readonly firstSentMs: number | null;
  readonly firstShownMs: number | null;
  /** Between two `sent`s that follow each other. */
  readonly longestGapMs: number;
  readonly reconnects: number;
}
export interface TalkerEnd {
  readonly sends: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  /** Neither told `sent` nor failed. */
  readonly unanswered: number;
  readonly failed: number;
  readonly failures: readonly string[];
}

interface Said {
  readonly at: number;
  sentAt: number;
  shownAt: number;
  failed: boolean;
}

const args = JSON.parse(process.argv[2] ?? '{}') as TalkerArgs;
const ONLINE_MS = 60_000;
const FINISH_MS = 90_000;
const POLL_MS = 50;
const TOKEN_SECONDS = 86_400;
const ABOUTS_MAX = 8;
const urls: string[] = [];

class Talker {
  readonly client: ParleyClient;
  /** Times at which its connection was lost. */
  readonly losses: number[] = [];
  private tries = 0;

  constructor(user: string, home: number) {
    // The next node when one does not answer, as a load balancer would choose.
    const getUrl = (): string => urls[(home + this.tries++) % urls.length] ?? '';
    this.client = connect(urls[home] ?? '', {
      device: 'phone',
      getToken: () =>
        issueToken({
          secret: Buffer.from(args.secret),
          user,
          ttlSeconds: TOKEN_SECONDS,
          wallNow: Date.now(),
        }),
      getUrl,
    });
    this.client.on('state', (state) => {
      if (state.is === 'online') this.tries = 0;
      else if (state.is === 'reconnecting') this.losses.push(Date.now());
    });
  }

  get at(): string | null {
    const { state } = this.client;
    return state.is === 'online' ? state.node : null;
  }
}

class TalkingPair {
  readonly said: Said[] = [];
  readonly chat: string;
  readonly sender: Talker;
  readonly receiver: Talker;
  doubled = 0;
  reordered = 0;
  private last = -1;

  constructor(room: Seating['rooms'][number]) {
    const { users, at } = room;
    this.chat = chatOfRoom(room);
    this.sender = new Talker(users[0] ?? '', at[0] ?? 0);
    this.receiver = new Talker(users[1] ?? '', at[1] ?? 0);
    this.receiver.client.on('message', (entry) => {
      if (entry.chat === this.chat && entry.type === 0) this.show(Number(Buffer.from(entry.body).toString()));
    });
  }

  say(failures: string[]): void {
    const said: Said = { at: Date.now(), sentAt: 0, shownAt: 0, failed: false };
    const n = this.said.push(said) - 1;
    const body = new TextEncoder().encode(String(n));
    this.sender.client
      .chat(this.chat)
      .send({ body })
      .sent()
      .then(
        () => {
          said.sentAt = Date.now();
        },
        (error: unknown) => {
          said.failed = true;
          if (failures.length < ABOUTS_MAX) failures.push(String(error));
        },
      );
  }

  get open(): boolean {
    return this.said.some((said) => !said.failed && (said.sentAt === 0 || said.shownAt === 0));
  }

  report({ from, to }: Window): PairReport {
    const inside = this.said.filter(({ at }) => at >= from && at <= to);
    const first = (get: (said: Said) => number): number | null => {
      const times = inside.map(get).filter((time) => time > 0);
      return times.length === 0 ? null : Math.min(...times) - from;
    };
    const answers = this.said.map(({ sentAt }) => sentAt).filter((at) => at >= from && at <= to);
    let longestGapMs = 0;
    for (let i = 1; i < answers.length; i++)
      longestGapMs = Math.max(longestGapMs, (answers[i] ?? 0) - (answers[i - 1] ?? 0));
    return {
      chat: this.chat,
      senderAt: this.sender.at,
      receiverAt: this.receiver.at,
      firstSentMs: first(({ sentAt }) => sentAt),
      firstShownMs: first(({ shownAt }) => shownAt),
      longestGapMs,
      reconnects: [...this.sender.losses, ...this.receiver.losses].filter((at) => at >= from && at <= to).length,
    };
  }

  private show(n: number): void {
    const said = this.said[n];
    if (said === undefined) return;
    if (said.shownAt > 0) this.doubled += 1;
    else if (n < this.last) this.reordered += 1;
    said.shownAt ||= Date.now();
    this.last = Math.max(this.last, n);
  }
}

const pairs: TalkingPair[] = [];
const failures: string[] = [];
let pacing: NodeJS.Timeout | null = null;

async function until(holds: () => boolean, limitMs: number): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}

serveParent({
  connect: async ({ addresses, rooms }: Seating) => {
    urls.push(...addresses.map(({ host, port }) => `ws://${host}:${port}`));
    for (const room of rooms) {
      const pair = new TalkingPair(room);
      pairs.push(pair);
      await until(() => pair.sender.at !== null && pair.receiver.at !== null, ONLINE_MS);
      await pair.sender.client.direct(room.users[1] ?? '');
    }
  },
  /** Where nodes are from now on, for who has to come back. */
  addresses: (addresses: Seating['addresses']) => {
    urls.splice(0, urls.length, ...addresses.map(({ host, port }) => `ws://${host}:${port}`));
  },
  start: ({ perSecond }: Pace) => {
    let turn = 0;
    let due = 0;
    let last = Date.now();
    pacing = setInterval(() => {
      const now = Date.now();
      // A pause of our own is not made up for: it would be a burst.
      due = Math.min(perSecond, due + ((now - last) * perSecond) / 1_000);
      last = now;
      for (; due >= 1; due--) pairs[turn++ % pairs.length]?.say(failures);
    }, 10);
  },
  report: (window: Window) => pairs.map((pair) => pair.report(window)),
  finish: async (): Promise<TalkerEnd> => {
    if (pacing !== null) clearInterval(pacing);
    await until(() => pairs.every((pair) => !pair.open), FINISH_MS);
    const all = pairs.flatMap(({ said }) => said);
    return {
      sends: all.length,
      lost: all.filter(({ sentAt, shownAt }) => sentAt > 0 && shownAt === 0).length,
      doubled: pairs.reduce((sum, { doubled }) => sum + doubled, 0),
      reordered: pairs.reduce((sum, { reordered }) => sum + reordered, 0),
      unanswered: all.filter(({ sentAt, failed }) => sentAt === 0 && !failed).length,
      failed: all.filter(({ failed }) => failed).length,
      failures,
    };
  },
  stop: async () => {
    await Promise.all(pairs.flatMap(({ sender, receiver }) => [sender.client.close(), receiver.client.close()]));
    setImmediate(() => process.exit(0));
  },
});
announce(null);
