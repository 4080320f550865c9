// One owner of the chat: a kernel with the real chat cell, writer and reader, over the landing store. Sessions and senders are stubs that
// tell the book what they were shown and acked. It may linger when another has opened: it goes on, but holds no lease.

import { sentOf } from '../../../actors/chat-entry.ts';
import { type ActorDeps, chatKind, DEFAULT_RATES, RateLimiter } from '../../../actors/index.ts';
import type { DeliverMail, NudgeMail, PageMail, PostedMail, PostMail } from '../../../actors/mail.ts';
import { CHAT_KIND, decodeServerFrame, directChatId, OP } from '../../../protocol/index.ts';
import { CONTINUE, createKernel, type Kernel, type Kind, type Ref, startService } from '../../../runtime/index.ts';
import { createWriters, readerKind } from '../../../storage/index.ts';
import type { Book } from './book.ts';
import type { LogWorld } from './log-world.ts';

export const USERS = ['ann', 'bob'] as const;
export const CHAT = directChatId(USERS[0], USERS[1]);

export class Owner {
  readonly name: string;
  readonly fence: number;
  lease = true;
  alive = true;
  readonly kernel: Kernel;
  private readonly client: Ref;

  constructor(world: LogWorld, book: Book, fence: number) {
    this.fence = fence;
    this.name = `owner-${fence}`;
    const { random } = world;
    const env = world.envOf(this.name);
    const store = world.disk.open(this.name);
    const kernel = createKernel({ env, node: this.name });
    this.kernel = kernel;
    const limits = { retryFirstMs: 5, retryLongestMs: 40 };
    const writers = createWriters({ store, limits, indexOf: sentOf, start: (kind) => startService(kernel, kind).ref });
    const reader = startService(kernel, readerKind({ store }));
    const deps: ActorDeps = {
      node: this.name,
      fenceOf: () => fence,
      holds: () => this.lease,
      writerFor: (partition) => writers.refFor(partition),
      reader: reader.ref,
      rates: new RateLimiter(DEFAULT_RATES),
      pressure: { level: 0 },
      counters: { count: () => {} },
      verifierService: reader.ref,
      presence: null,
      ownerOf: () => null,
      elsewhere: null,
    };
    kernel.register(chatKind(deps), {
      backoff: { minMs: 5, maxMs: 20 },
      intensity: { restartsMax: 99, windowMs: 100 },
    });
    kernel.register(sessionStub(this, book, () => random.chance(0.3)));
    kernel.register(senderStub(this, book));
    this.client = kernel.spawn('sender', 'only');
  }

  create(): void {
    const mail = { t: 'create', ref: 1, user: USERS[0], device: 'd0', id: 'create', kind: CHAT_KIND.direct };
    this.kernel.route('chat', CHAT, { ...mail, members: [USERS[1]], title: '' }, this.client);
  }

  wake(): void {
    this.kernel.route('chat', CHAT, { t: 'wake' });
  }

  post(id: string, retry: boolean): void {
    const user = USERS[Number(id.slice(1)) % 2] ?? USERS[0];
    const mail: PostMail = { t: 'post', user, device: 'd0', id, type: 0, body: BODY, about: null, after: null, retry };
    this.kernel.route('chat', CHAT, mail, this.client);
  }

  history(from: number, back: boolean): void {
    const mail = { t: 'history', ref: 2, user: USERS[0], from, limit: 3, back };
    this.kernel.route('chat', CHAT, mail, this.client);
  }

  /** Of the chat while it is open and handles what comes; −1 else. */
  get durable(): number {
    const cell = this.kernel.whereis('chat', CHAT);
    const state = cell === null ? null : (this.kernel.getState(cell) as Redacted | null);
    return state?.phase === 'open' && state.readings === 0 ? state.durable : -1;
  }

  /** The chat's cell crashes. */
  crash(): void {
    const cell = this.kernel.whereis('chat', CHAT);
    if (cell !== null) this.kernel.kill(cell);
  }
}

interface Redacted {
  readonly phase: string;
  readonly durable: number;
  readonly readings: number;
}

const BODY = new Uint8Array([1]);

/** What members are shown. Some say that they have all of it. */
const sessionStub = (owner: Owner, book: Book, settles: () => boolean): Kind<null, DeliverMail | NudgeMail> => ({
  name: 'session',
  restart: 'transient',
  activate: 'mail',
  init: () => null,
  receive(ctx, _state, mail) {
    if (mail.t === 'deliver') for (const entry of mail.entries) book.show(owner, entry.n, idOf(entry.frame));
    if (mail.t !== 'deliver' && mail.t !== 'nudge') return CONTINUE;
    if (!settles()) return CONTINUE;
    book.settles(ctx.key, mail.upTo);
    ctx.route('chat', CHAT, { t: 'got', user: ctx.key, delivered: mail.upTo, settled: mail.upTo });
    return CONTINUE;
  },
});

const senderStub = (owner: Owner, book: Book): Kind<null, PostedMail | PageMail | { t: 'done' }> => ({
  name: 'sender',
  restart: 'transient',
  activate: 'spawn',
  init: () => null,
  receive(_ctx, _state, mail) {
    if (mail.t === 'posted') book.ack(owner, mail.id, mail.seq);
    if (mail.t === 'done') book.created = true;
    if (mail.t === 'page') book.page(owner, mail.frames.map(numberedOf));
    return CONTINUE;
  },
});

export function numberedOf(frame: Uint8Array): readonly [number, string] {
  const f = decodeServerFrame(frame);
  return f.op === OP.RECEIVE_MESSAGE ? [f.seq, f.id] : [0, ''];
}
const idOf = (frame: Uint8Array): string => numberedOf(frame)[1];
