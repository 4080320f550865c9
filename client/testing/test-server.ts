// A server in memory that speaks the protocol: sign-in, messages, groups, receipts, history, resume, presence. For unit tests of
// applications. It promises what a real server promises, and breaks the network when told to: `drop`, `delay`, `duplicate`.
import {
  CHAT_KIND,
  CLOSE_CODES,
  type ClientFrame,
  type CloseName,
  directChatId,
  ERROR_CODES,
  type ErrorCode,
  encodeChange,
  type Frame,
  groupChatId,
  LIMITS,
  OP,
  ROLE,
  type ServerFrame,
  TYPE,
} from '../../protocol/index.ts';
import type { ClientEnv, Transport } from '../core/index.ts';
import { chatsOf, countsOf, devicesOf, infoOf, presenceOf } from './test-answers.ts';
import { type Posted, TestChat } from './test-chat.ts';
import { TestDevice } from './test-devices.ts';
import { type Faults, TestSocket } from './test-socket.ts';

export interface TestServerOptions {
  /** The clients' env, so that a manual clock rules both. */
  readonly env: ClientEnv;
  readonly heartbeatMs?: number;
  /** Milliseconds until a token expires; null (default): never. */
  readonly tokenLifeMs?: number | null;
}
/** How a message is refused instead of taken. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly afterMs?: number;
}

export class TestServer {
  readonly transport: Transport;
  readonly url = 'ws://test';
  readonly chats = new Map<string, TestChat>();
  readonly #env: ClientEnv;
  readonly #options: TestServerOptions;
  readonly #faults: Faults = { delayMs: 0, duplicate: false };
  readonly #sockets = new Set<TestSocket>();
  readonly #devices = new Map<string, TestDevice>();
  readonly #watchers = new Map<string, Set<TestSocket>>();
  readonly #blocked = new Set<string>();
  #refuse: ((frame: Frame<'SEND_MESSAGE'>, user: string) => Refusal | 'silence' | null) | null = null;
  #syncs = 0;

  constructor(options: TestServerOptions) {
    this.#options = options;
    this.#env = options.env;
    this.transport = {
      connect: (_url, _protocols, on) => {
        const frame = (socket: TestSocket, one: ClientFrame): void => this.#frame(socket, one);
        const socket = new TestSocket(this.#env, this.#faults, on, frame, (gone) => this.#gone(gone));
        this.#sockets.add(socket);
        return socket.client();
      },
    };
  }

  /** Options for `connect(server.url, { device, ...server.as('alice') })`. */
  as(user: string): { env: ClientEnv; transport: Transport; getToken: () => string } {
    return { env: this.#env, transport: this.transport, getToken: () => `test:${user}` };
  }

  // —— faults ——

  /** Cuts the network of a user, or of all: what is under way is lost. */
  drop(user?: string): void {
    for (const socket of [...this.#sockets]) if (user === undefined || socket.user === user) socket.drop();
  }
  /** Every frame takes this long, either way, from now on. */
  delay(ms: number): void {
    this.#faults.delayMs = ms;
  }
  /** Every frame arrives twice, either way, from now on. */
  duplicate(on = true): void {
    this.#faults.duplicate = on;
  }
  /** Decides for each message: refuse it, leave it without an answer though it is taken, or (null) nothing special. */
  refuse(decide: ((frame: Frame<'SEND_MESSAGE'>, user: string) => Refusal | 'silence' | null) | null): void {
    this.#refuse = decide;
  }
  /** Closes the sockets of a user, or all, as a server would. */
  close(name: CloseName, user?: string): void {
    for (const socket of [...this.#sockets])
      if (user === undefined || socket.user === user) socket.close(CLOSE_CODES[name].code, name);
  }
  /** Tells all clients that the node goes away, and closes. */
  goAway(delayMs: number): void {
    for (const socket of [...this.#sockets]) {
      socket.say({ op: OP.GO_AWAY, delayMs, url: null });
      socket.close(CLOSE_CODES.goingAway.code);
    }
  }
  /** Forgets what it knows of devices: their next sign-in is not a resume. */
  forgetDevices(): void {
    for (const device of this.#devices.values()) device.sync = '';
  }

  // —— frames ——

  #frame(socket: TestSocket, frame: ClientFrame): void {
    if (frame.op === OP.HELLO) this.#hello(socket, frame);
    else if (socket.user === '') socket.close(CLOSE_CODES.badFrame.code);
    else this.#signedIn(socket, frame);
  }

  #signedIn(socket: TestSocket, frame: ClientFrame): void {
    const { user } = socket;
    switch (frame.op) {
      case OP.HEARTBEAT:
        socket.say(frame);
        return;
      case OP.SEND_MESSAGE:
        this.#post(socket, frame);
        return;
      case OP.MESSAGE_ACK:
        for (const { chat, seq } of frame.acks) this.#acked(socket, chat, seq);
        this.#feed(user);
        return;
      case OP.READ:
        this.#read(socket, frame);
        return;
      case OP.TYPING:
        for (const other of this.chats.get(frame.chat)?.members.keys() ?? [])
          if (other !== user) this.#tell(other, { op: OP.TYPING_STATE, chat: frame.chat, user, on: frame.on });
        return;
      case OP.CREATE_CHAT:
        this.#create(socket, frame);
        return;
      case OP.CHANGE_CHAT: {
        const done = this.chats.get(frame.chat)?.change(frame, user, socket.device, this.#env.wallNow());
        this.#answer(socket, frame.ref, done ?? { ok: false, code: 'not_member' });
        return;
      }
      case OP.HISTORY: {
        const chat = this.chats.get(frame.chat);
        if (chat?.members.has(user) === true) socket.say(chat.history(frame, user));
        else this.#error(socket, { ref: frame.ref, code: 'not_member' });
        return;
      }
      case OP.WATCH_PRESENCE:
        this.#watch(socket, frame);
        return;
      case OP.BYE:
        socket.close(1000);
        return;
      default:
        this.#request(socket, frame);
    }
  }

  #request(socket: TestSocket, frame: ClientFrame): void {
    const { user } = socket;
    switch (frame.op) {
      case OP.LIST_CHATS:
        socket.say(chatsOf(this.chats.values(), user, frame));
        return;
      case OP.CHAT_INFO: {
        const chat = this.chats.get(frame.chat);
        if (chat?.members.has(user) === true) socket.say(infoOf(chat, frame));
        else this.#error(socket, { ref: frame.ref, code: 'not_member' });
        return;
      }
      case OP.BLOCK: {
        const key = `${user} ${frame.user}`;
        if (frame.on) this.#blocked.add(key);
        else this.#blocked.delete(key);
        break;
      }
      case OP.LIST_DEVICES:
        socket.say(devicesOf(this.#devices.values(), user, frame.ref));
        return;
      case OP.REMOVE_DEVICE: {
        const device = this.#devices.get(`${user} ${frame.device}`);
        if (device === undefined) {
          this.#error(socket, { ref: frame.ref, code: 'no_such_device' });
          return;
        }
        this.#devices.delete(`${user} ${frame.device}`);
        device.socket?.close(CLOSE_CODES.revoked.code);
        break;
      }
      case OP.TOKEN:
      case OP.SET_PRIVACY:
        break;
      default:
        return;
    }
    socket.say({ op: OP.OK, ref: frame.ref, value: null });
  }

  #hello(socket: TestSocket, frame: Frame<'HELLO'>): void {
    const user = frame.token.startsWith('test:') ? frame.token.slice(5) : '';
    if (user === '') {
      socket.close(CLOSE_CODES.unauthenticated.code);
      return;
    }
    if (socket.user !== '') return; // the frame came twice
    const key = `${user} ${frame.device}`;
    const device = this.#devices.get(key) ?? new TestDevice(user, frame.device, '');
    this.#devices.set(key, device);
    device.socket?.close(CLOSE_CODES.displaced.code);
    socket.user = user;
    socket.device = frame.device;
    device.attach(socket);
    device.agent = frame.agent;
    const resumed = frame.sync !== null && frame.sync === device.sync;
    if (!resumed) {
      device.sync = `s${++this.#syncs}`;
      device.acked.clear(); // what it was told before, it may not have kept
    }
    for (const { chat, seq } of frame.known) this.#acked(socket, chat, seq);
    const { heartbeatMs = LIMITS.heartbeatMs, tokenLifeMs = null } = this.#options;
    const time = this.#env.wallNow();
    const expires = tokenLifeMs === null ? null : time + tokenLifeMs;
    const { sync } = device;
    const window = LIMITS.windowMessages;
    socket.say({
      op: OP.WELCOME,
      user,
      device: frame.device,
      node: 'test',
      sync,
      resumed,
      heartbeatMs,
      window,
      time,
      expires,
    });
    if (!resumed) this.#gaps(socket, device);
    this.#feed(user);
    socket.say({ op: OP.CAUGHT_UP, sync });
    this.#presence(user);
  }

  #gaps(socket: TestSocket, device: TestDevice): void {
    for (const chat of this.chats.values()) {
      const from = (device.acked.get(chat.id) ?? 0) + 1;
      const to = chat.headFor(device.user);
      if (to >= from) socket.say({ op: OP.GAP, chat: chat.id, from, to });
      device.ack(chat.id, to);
    }
  }

  #post(socket: TestSocket, frame: Frame<'SEND_MESSAGE'>): void {
    const { user, device } = socket;
    const { chat: id } = frame;
    const chat = this.chats.get(id);
    const refusal = this.#refuse?.(frame, user) ?? null;
    if (refusal !== null && refusal !== 'silence') {
      this.#error(socket, { id: frame.id, chat: id, ...refusal });
      return;
    }
    const blocked =
      chat?.kind === CHAT_KIND.direct && [...chat.members.keys()].some((peer) => this.#blocked.has(`${peer} ${user}`));
    const done: Posted =
      chat === undefined || blocked
        ? { ok: false, code: blocked ? 'blocked' : 'not_member' }
        : chat.post(frame, user, device, this.#env.wallNow());
    if (!done.ok) {
      this.#error(socket, { id: frame.id, chat: id, code: done.code });
      return;
    }
    const { seq, ts } = done.entry;
    if (refusal !== 'silence') socket.say({ op: OP.SENT, chat: id, id: frame.id, seq, ts });
    this.#feedAll(chat);
  }

  #create(socket: TestSocket, frame: Frame<'CREATE_CHAT'>): void {
    const { user, device } = socket;
    const direct = frame.kind === CHAT_KIND.direct;
    const id = direct ? directChatId(user, frame.members[0] ?? user) : groupChatId(user, frame.id);
    let chat = this.chats.get(id);
    if (chat === undefined) {
      chat = new TestChat(id, frame.kind, frame.title);
      this.chats.set(id, chat);
      const all = [...new Set([user, ...frame.members])];
      const members = all.map((one) => [one, !direct && one === user ? ROLE.owner : ROLE.member] as const);
      for (const [one, role] of members) chat.join(one, role, 1);
      const body = encodeChange({ type: TYPE.created, kind: frame.kind, title: frame.title, members });
      chat.append({ sender: user, device, id: frame.id }, this.#env.wallNow(), TYPE.created, body, null);
    }
    socket.say({ op: OP.OK, ref: frame.ref, value: id });
    this.#feedAll(chat);
  }

  #answer(socket: TestSocket, ref: number, done: Posted): void {
    if (!done.ok) {
      this.#error(socket, { ref, code: done.code });
      return;
    }
    socket.say({ op: OP.OK, ref, value: null });
    this.#feedAll(this.chats.get(done.entry.chat));
  }

  #error(
    socket: TestSocket,
    what: {
      readonly code: ErrorCode;
      readonly ref?: number;
      readonly id?: string;
      readonly chat?: string;
      readonly afterMs?: number;
    },
  ): void {
    const { code, ref = null, id = null, chat = null, afterMs = 0 } = what;
    socket.say({ op: OP.ERROR, ref, chat, id, code, retry: ERROR_CODES[code].retry, afterMs, about: '' });
  }

  // —— delivery, receipts, presence ——

  #feedAll(chat: TestChat | undefined): void {
    for (const user of chat?.members.keys() ?? []) this.#feed(user);
  }

  #feed(user: string): void {
    for (const device of this.#devices.values()) {
      if (device.user !== user || device.socket === null) continue;
      const chats = [...this.chats.values()].filter((chat) => chat.members.has(user));
      for (const entry of device.feed(chats)) device.socket.say(entry);
    }
  }

  #tell(user: string, frame: ServerFrame): void {
    for (const device of this.#devices.values()) if (device.user === user) device.socket?.say(frame);
  }

  #acked(socket: TestSocket, id: string, seq: number): void {
    const { user, device } = socket;
    const chat = this.chats.get(id);
    const member = chat?.members.get(user);
    if (chat === undefined || member === undefined) return;
    const upTo = Math.min(seq, chat.headFor(user));
    this.#devices.get(`${user} ${device}`)?.ack(id, upTo);
    if (upTo <= member.delivered) return;
    member.delivered = upTo;
    this.#receipts(chat, user);
  }

  #read(socket: TestSocket, { chat: id, seq }: Frame<'READ'>): void {
    const { user } = socket;
    const chat = this.chats.get(id);
    const member = chat?.members.get(user);
    if (chat === undefined || member === undefined) return;
    const before = member.read;
    member.read = Math.max(before, Math.min(seq, chat.headFor(user)));
    member.delivered = Math.max(member.delivered, member.read);
    // Said again or not: the reader wants to hear that it is stored.
    this.#tell(user, { op: OP.RECEIPT, chat: id, user, delivered: member.delivered, read: member.read });
    if (member.read > before) this.#receipts(chat, user);
  }

  #receipts(chat: TestChat, user: string): void {
    const member = chat.members.get(user);
    if (member === undefined) return;
    const { delivered, read } = member;
    if (chat.kind === CHAT_KIND.direct) {
      for (const other of chat.members.keys())
        if (other !== user) this.#tell(other, { op: OP.RECEIPT, chat: chat.id, user, delivered, read });
      return;
    }
    const last = chat.log.at(-1);
    if (last === undefined) return;
    this.#tell(last.sender, countsOf(chat, last));
  }

  #watch(socket: TestSocket, { users, on }: Frame<'WATCH_PRESENCE'>): void {
    for (const user of users) {
      const watchers = this.#watchers.get(user) ?? new Set();
      this.#watchers.set(user, watchers);
      if (!on) watchers.delete(socket);
      else {
        watchers.add(socket);
        socket.say(presenceOf(this.#devices.values(), user));
      }
    }
  }

  #presence(user: string): void {
    for (const watcher of this.#watchers.get(user) ?? []) watcher.say(presenceOf(this.#devices.values(), user));
  }

  #gone(socket: TestSocket): void {
    this.#sockets.delete(socket);
    for (const watchers of this.#watchers.values()) watchers.delete(socket);
    const device = this.#devices.get(`${socket.user} ${socket.device}`);
    if (device?.socket !== socket) return;
    device.socket = null;
    device.seen = this.#env.wallNow();
    this.#presence(socket.user);
  }
}
