// The inside of a client: puts the parts together, hands each frame to the part it concerns, and knows what happens at sign-in, at
// a loss and at the end, in which order. `client.ts` is the door before it.
import { type Frame, isDeviceId, OP, type ServerFrame } from '../../protocol/index.ts';
import { Acker } from './acker.ts';
import { Emitter } from './emitter.ts';
import { type ClientEnv, settle, type Timer, type Transport } from './env.ts';
import { ParleyError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import type { Gap } from './lane.ts';
import { Link, type LinkOptions } from './link.ts';
import type { ClientState } from './link-state.ts';
import { OUTBOX_LIMITS, type OutboxLimits } from './outbox-state.ts';
import { Typists, Watching } from './presence.ts';
import { Receipts } from './receipts.ts';
import { Receiver } from './receiver.ts';
import { Requests } from './requests.ts';
import { Sender } from './sender.ts';
import type { OutboxStore, StoreChange, Stored } from './store.ts';

export interface ClientOptions {
  /** This device of the user; the same one after a restart. 1 to 32 characters of ids. */
  readonly device: string;
  /** A bearer token. Called for each connection that has no good one yet, and at 80 % of a token's life. */
  readonly getToken: LinkOptions['getToken'];
  /** Which node to connect to, asked at first and when told to go elsewhere. Default: always `url`. */
  readonly getUrl?: LinkOptions['getUrl'];
  /** Name and version of the application, for operators. */
  readonly agent?: string;
  /**
   * `auto` (default): an entry is acknowledged once all iterators of its chat have taken it and the handlers were called; without
   * any, once it is recorded. `manual`: once the application calls `entry.ack()`; without a listener entries wait.
   */
  readonly ack?: 'auto' | 'manual';
  /** What to do about entries that the server does not push: read them (default), or step over them. Both emit `gap`. */
  readonly gaps?: 'fetch' | 'skip';
  /** Entries that an iterator may lag behind before its chat waits for it. Default 256. */
  readonly watermark?: number;
  readonly limits?: Partial<OutboxLimits>;
  /** Milliseconds for the token, and again for the connection. Default 10,000. */
  readonly connectTimeoutMs?: number;
}
export interface CoreOptions extends ClientOptions {
  readonly env: ClientEnv;
  readonly transport: Transport;
  readonly store: OutboxStore;
}
const GAPS_TOLD_MAX = 1_000;
const RECEIPTS_ASKED_MAX = 32;
/** Milliseconds that the end waits for the last acknowledgements to be written. */
const CLOSE_MS = 1_000;

export class Engine {
  readonly events: Emitter<ClientEvents>;
  readonly link: Link;
  readonly requests: Requests;
  readonly sender: Sender;
  readonly acker: Acker;
  readonly receiver: Receiver;
  readonly watching: Watching;
  readonly typists: Typists;
  /** Null until the first sign-in of this device. */
  user: string | null = null;
  closing = false;
  readonly #options: CoreOptions;
  readonly #env: ClientEnv;
  readonly #store: OutboxStore;
  readonly #receipts = new Receipts();
  #loaded = false;
  #window = 0;
  #catchingUp: { readonly resumed: boolean; readonly gaps: Gap[] } | null = null;

  constructor(url: string, options: CoreOptions) {
    if (!isDeviceId(options.device)) throw new ParleyError('bad_argument', 'not a device id');
    const { env, store, transport, device, getToken, getUrl, agent = 'parley-ts' } = options;
    this.#options = options;
    this.#env = env;
    this.#store = store;
    const onThrow = (error: unknown): void => this.#threw(error);
    this.events = new Emitter(onThrow);
    const connectTimeoutMs = options.connectTimeoutMs ?? 15_000;
    this.link = new Link(
      env,
      transport,
      { url, device, agent, getToken, getUrl, connectTimeoutMs },
      {
        hello: () => this.acker.hello(),
        state: (state) => this.#state(state),
        welcome: (frame) => this.#welcome(frame),
        frame: (frame) => this.#frame(frame),
        offline: () => this.#offline(),
      },
    );
    this.requests = new Requests(env, (bytes) => this.link.sendBytes(bytes));
    this.acker = new Acker(env, store, this.link, onThrow);
    const limits = { ...OUTBOX_LIMITS, ...options.limits };
    this.sender = new Sender({ env, store, link: this.link, receipts: this.#receipts, limits, onThrow });
    this.receiver = new Receiver({
      env,
      requests: this.requests,
      acker: this.acker,
      ack: options.ack ?? 'auto',
      gaps: options.gaps ?? 'fetch',
      watermark: Math.max(1, options.watermark ?? 256),
      hasHandler: () => this.events.has('message'),
      onEntry: (entry) => this.events.emit('message', entry),
      onGap: (gap) => this.events.emit('gap', gap),
      // Seen on a page that the application asked for, say: from here on no SENT shows it at its number any more.
      onSeen: ({ chat, sender, device: from, id, seq, ts }) => {
        if (sender === this.user && from === device) this.#sent({ chat, id, seq, ts });
      },
      onConfirmed: (chat, seq) => this.sender.shown(chat, seq),
    });
    this.watching = new Watching(env, this.link);
    this.typists = new Typists(env, this.link, (event) => this.events.emit('typing', event));
    settle(
      () => store.load(),
      (stored) => this.#begin(stored),
      (cause) => this.#refuse('store_failed', cause),
    );
  }

  wake(): void {
    if (!this.closing && this.#loaded) this.link.wake();
  }

  // —— from start to end ——

  #begin(stored: Stored): void {
    if (this.closing) return;
    const { device } = this.#options;
    if (stored.device !== null && stored.device !== device) {
      this.#refuse('wrong_store', null);
      return;
    }
    const boot = stored.boot + 1;
    try {
      this.#store.save([
        { is: 'boot', boot },
        { is: 'owner', user: stored.user, device },
      ]);
    } catch (cause) {
      this.#refuse('store_failed', cause);
      return;
    }
    this.user = stored.user;
    this.acker.loaded(stored);
    this.sender.loaded(boot, stored.messages.values());
    this.#loaded = true;
    // A turn later, so that whoever called can listen first.
    this.#env.setTimer(() => !this.closing && this.link.start(), 0);
  }

  #refuse(code: 'store_failed' | 'wrong_store', cause: unknown): void {
    this.#env.setTimer(() => {
      const error = new ParleyError(code, '', { cause });
      this.requests.fail(error, true);
      this.sender.close(error);
      this.link.stop(code, 1000);
    }, 0);
  }

  #state(state: ClientState): void {
    const closed = state.is === 'stopped' && state.reason === 'closed';
    if (state.is === 'stopped')
      this.requests.fail(closed ? new ParleyError('closed') : new ParleyError('stopped', state.reason), closed);
    if (state.is === 'online') this.#online();
    this.events.emit('state', state);
  }

  /** Control and acks first, then what was asked, then messages. */
  #online(): void {
    this.acker.online(this.#window);
    this.watching.online();
    this.requests.online();
    this.receiver.online();
    this.sender.online();
  }

  #welcome(frame: Frame<'WELCOME'>): string | null {
    // The outbox of one user must never leave under the name of another.
    if (this.user !== null && this.user !== frame.user) return 'wrong_store';
    if (this.user === null) this.#save({ is: 'owner', user: frame.user, device: this.#options.device });
    this.user = frame.user;
    this.#catchingUp = { resumed: frame.resumed, gaps: [] };
    this.#window = frame.window;
    return null;
  }

  #offline(): void {
    this.#catchingUp = null;
    this.acker.offline();
    this.sender.offline();
    this.watching.close();
  }

  #save(change: StoreChange): void {
    try {
      this.#store.save([change]);
    } catch (error) {
      this.#threw(error);
    }
  }

  close(flushMs: number, done: (result: { unsent: number }) => void): void {
    this.closing = true;
    this.sender.refuseNew();
    let timer: Timer | null = null;
    let ended = false;
    const limit = (ms: number, run: () => void): void => {
      if (timer !== null) this.#env.clearTimer(timer);
      timer = this.#env.setTimer(run, ms);
    };
    const end = (): void => {
      if (ended) return;
      ended = true;
      if (timer !== null) this.#env.clearTimer(timer);
      this.#end(done);
    };
    const said = (): void => {
      limit(CLOSE_MS, end);
      this.acker.whenSaid(end);
    };
    if (flushMs > 0 && this.sender.size > 0 && this.link.state.is !== 'stopped') {
      limit(flushMs, said);
      this.sender.whenEmpty(said);
    } else said();
  }

  #end(done: (result: { unsent: number }) => void): void {
    const unsent = this.sender.size;
    this.receiver.close();
    this.acker.close();
    this.sender.close(new ParleyError('closed', 'closed before the message was sent; it stays in the store'));
    this.typists.close();
    this.link.send({ op: OP.BYE });
    this.link.stop('closed', 1000);
    const finish = (): void => done({ unsent });
    const failed = (error: unknown): void => {
      this.#threw(error);
      finish();
    };
    settle(() => this.#store.close(), finish, failed);
  }

  #threw(error: unknown): void {
    if (this.events.has('error')) this.events.emit('error', error);
    else void Promise.reject(error); // loud, but outside of what we were doing
  }

  // —— frames ——

  #frame(frame: ServerFrame): void {
    switch (frame.op) {
      case OP.SENT:
        this.#sent(frame);
        return;
      case OP.RECEIVE_MESSAGE:
        this.receiver.pushed(frame);
        return;
      case OP.ERROR:
        if (frame.id !== null) this.sender.refused(frame.id, frame);
        else if (frame.ref !== null) this.requests.refused(frame.ref, frame);
        return;
      case OP.GAP:
        this.#gap(frame);
        return;
      case OP.CAUGHT_UP:
        this.#caughtUp(frame);
        return;
      case OP.RECEIPT: {
        if (frame.user === this.user) this.acker.readStored(frame.chat, frame.read);
        const receipt = this.#receipts.receipt(frame, this.user ?? '');
        if (receipt === null) return;
        this.sender.receipts(frame.chat);
        this.events.emit('receipt', receipt);
        return;
      }
      case OP.COUNTS: {
        const counts = this.#receipts.counts(frame);
        if (counts === null) return;
        this.sender.receipts(frame.chat);
        this.events.emit('counts', counts);
        return;
      }
      case OP.PRESENCE: {
        const { user, online, lastSeen } = frame;
        this.events.emit('presence', { user, online, lastSeen });
        return;
      }
      case OP.TYPING_STATE:
        this.typists.heard(frame);
        return;
      case OP.GO_AWAY:
        this.sender.pause();
        return;
      case OP.OK:
      case OP.HISTORY_PAGE:
      case OP.CHATS:
      case OP.CHAT:
      case OP.DEVICES:
        this.requests.answered(frame);
    }
  }

  #sent({ chat, id, seq, ts }: Omit<Frame<'SENT'>, 'op'>): void {
    const message = this.sender.acknowledged(id, { seq, ts });
    if (message === null || this.user === null) return;
    const { type, body, about } = message;
    this.receiver.sent({ chat, seq, sender: this.user, device: this.#options.device, id, ts, type, body, about });
  }

  #gap(frame: Frame<'GAP'>): void {
    const gap = this.receiver.gap(frame);
    const told = this.#catchingUp?.gaps;
    if (gap !== null && told !== undefined && told.length < GAPS_TOLD_MAX) told.push(gap);
  }

  #caughtUp({ sync }: Frame<'CAUGHT_UP'>): void {
    this.acker.caughtUp(sync, this.receiver.behind());
    const ended = this.#catchingUp;
    this.#catchingUp = null;
    this.#askReceipts();
    if (ended !== null) this.events.emit('resumed', { resumed: ended.resumed, gaps: ended.gaps });
  }

  /** Receipts are not kept for those who are away: what became of watched messages meanwhile is asked for. */
  #askReceipts(): void {
    let left = RECEIPTS_ASKED_MAX;
    for (const chat of this.sender.watchedChats()) {
      if (left-- === 0) return;
      const told = (page: Frame<'CHAT'>): void => {
        for (const receipt of this.#receipts.members(page, this.user ?? '')) this.events.emit('receipt', receipt);
        this.sender.receipts(chat);
      };
      const ask = (ref: number) => ({ op: OP.CHAT_INFO, ref, chat, after: null });
      this.requests.ask(ask, 'CHAT', told, () => undefined);
    }
  }
}
