// What a signed-in client's frames become: mail to chats and to the own session, within rates and under pressure.
import {
  CHAT_KIND,
  type ClientFrame,
  directChatId,
  type ErrorCode,
  encodeFrame,
  type Frame,
  groupChatId,
  OP,
} from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Next } from '../runtime/index.ts';
import { close, LEAVE_PATIENCE_MS, settleLeave, writeFault } from './connection-close.ts';
import { PENDING_MAX, tookPost, tookRequest } from './connection-pending.ts';
import { onHello } from './connection-sign-in.ts';
import type { ConnectionState } from './connection-state.ts';
import type { PostMail } from './mail.ts';
import { TICK } from './ticks.ts';

export const FRAME_OVERHEAD_BYTES = 128;
const TOO_MANY = 'too much of this connection is under way';

export function onFrame(ctx: Ctx, s: ConnectionState, f: ClientFrame): Next {
  s.heard = Math.ceil(ctx.now());
  if (f.op === OP.HELLO) {
    if (s.phase === 'hello') return onHello(ctx, s, f);
    return close(s, 'badFrame', 'bad_frame', 'HELLO comes once');
  }
  if (s.phase !== 'open' && s.phase !== 'leaving') {
    if (s.phase === 'closed') return CONTINUE;
    return close(s, 'badFrame', 'unauthenticated', 'HELLO comes first, and its WELCOME before anything else');
  }
  switch (f.op) {
    case OP.SEND_MESSAGE:
      return onSend(ctx, s, f);
    case OP.MESSAGE_ACK:
      if (s.session) ctx.send(s.session, { t: 'ack', device: s.device, acks: f.acks });
      return CONTINUE;
    case OP.HEARTBEAT:
      s.sink.write(encodeFrame({ op: OP.HEARTBEAT, n: f.n }));
      return CONTINUE;
    case OP.TYPING:
      // Never queued, first thing shed.
      if (!pressed(s) && frameWait(s) === 0) ctx.route('chat', f.chat, { t: 'typing', user: s.user, on: f.on });
      return CONTINUE;
    case OP.BYE:
      // What is in flight is answered first.
      s.phase = 'leaving';
      ctx.after(LEAVE_PATIENCE_MS, TICK.leave);
      return settleLeave(s);
    case OP.READ:
      // Over the rate it is dropped: a client repeats it until it hears that it is stored.
      if (s.session && noteWait(s, 1) === 0)
        ctx.send(s.session, { t: 'read', device: s.device, chat: f.chat, seq: f.seq });
      return CONTINUE;
    case OP.WATCH_PRESENCE:
      if (s.session && !pressed(s) && noteWait(s, f.users.length) === 0)
        ctx.send(s.session, { t: 'watchUsers', users: f.users, on: f.on });
      return CONTINUE;
    default:
      return onRequest(ctx, s, f);
  }
}

/** Presence and typing are the first to be shed. */
function pressed(s: ConnectionState): boolean {
  if (s.deps.pressure.level === 0) return false;
  s.deps.counters.count('shed', 'presence');
  return true;
}

function frameWait(s: ConnectionState): number {
  return counted(s, s.deps.rates.frame(s.user, s.sink.source, s.heard));
}

function noteWait(s: ConnectionState, reach: number): number {
  return counted(s, s.deps.rates.note(s.user, s.sink.source, s.heard, reach));
}

/** What is dropped without a word to the client is counted all the same. */
function counted(s: ConnectionState, wait: number): number {
  if (wait > 0) s.deps.counters.count('shed', 'rate');
  return wait;
}

/** How many users a request wakes. */
function reachOf(f: Request): number {
  if (f.op === OP.CREATE_CHAT) return f.members.length;
  return f.op === OP.CHANGE_CHAT ? f.users.length : 1;
}

function onSend(ctx: Ctx, s: ConnectionState, f: Frame<'SEND_MESSAGE'>): Next {
  const refuse = (code: ErrorCode, afterMs: number, about: string): Next => {
    s.deps.counters.count('refused', code);
    writeFault(s, { ref: null, chat: f.chat, id: f.id, code, afterMs, about });
    return CONTINUE;
  };
  if (s.phase === 'leaving') return refuse('shutting_down', 0, 'this node is going away');
  if (s.deps.pressure.level >= 3)
    return refuse('overloaded', Math.ceil(1_000 + 2_000 * ctx.env.random()), 'the server sheds load');
  if (s.pending.length >= PENDING_MAX) return refuse('overloaded', 200, TOO_MANY);
  const wait = s.deps.rates.message(s.user, f.chat, s.sink.source, f.body.length + FRAME_OVERHEAD_BYTES, s.heard);
  if (wait > 0) return refuse('rate_limited', wait, 'too many messages or bytes');
  tookPost(ctx, s, f.chat, f.id);
  const mail: PostMail = {
    t: 'post',
    user: s.user,
    device: s.device,
    id: f.id,
    type: f.type,
    body: f.body,
    about: f.about,
    after: f.after,
    retry: f.retry,
  };
  ctx.route('chat', f.chat, mail);
  return CONTINUE;
}

type Request = Exclude<
  ClientFrame,
  Frame<'HELLO' | 'SEND_MESSAGE' | 'MESSAGE_ACK' | 'HEARTBEAT' | 'TYPING' | 'BYE' | 'READ' | 'WATCH_PRESENCE'>
>;

/** Requests: each carries a `ref`, and is answered by one frame that carries it too. */
function onRequest(ctx: Ctx, s: ConnectionState, f: Request): Next {
  const refuse = (code: ErrorCode, afterMs: number, about: string): Next => {
    s.deps.counters.count('refused', code);
    writeFault(s, { ref: f.ref, chat: null, id: null, code, afterMs, about });
    return CONTINUE;
  };
  if (s.phase === 'leaving') return refuse('shutting_down', 0, 'this node is going away');
  const wait = s.deps.rates.frame(s.user, s.sink.source, s.heard, reachOf(f));
  if (wait > 0) return refuse('rate_limited', wait, 'too many requests');
  if (s.pending.length >= PENDING_MAX) return refuse('overloaded', 200, TOO_MANY);
  const { user, device } = s;
  switch (f.op) {
    case OP.TOKEN:
      if (!ctx.tell(s.deps.verifierService, { t: 'verify', token: f.token, fresh: true, ref: f.ref }))
        return refuse('overloaded', 1_000, 'too many sign-ins at once');
      return CONTINUE;
    case OP.CREATE_CHAT: {
      const peer = f.members[0];
      if (f.kind === CHAT_KIND.direct && (peer === undefined || f.members.length > 1))
        return refuse('bad_argument', 0, 'a direct chat has one other member');
      const chat = f.kind === CHAT_KIND.direct ? directChatId(user, peer ?? user) : groupChatId(user, f.id);
      tookRequest(ctx, s, f.ref, chat);
      ctx.route('chat', chat, {
        t: 'create',
        ref: f.ref,
        user,
        device,
        id: f.id,
        kind: f.kind,
        members: f.members,
        title: f.title,
      });
      return CONTINUE;
    }
    case OP.CHANGE_CHAT: {
      const { ref, id, change, users, role, title } = f;
      tookRequest(ctx, s, ref, f.chat);
      ctx.route('chat', f.chat, { t: 'change', ref, user, device, id, change, users, role, title });
      return CONTINUE;
    }
    case OP.HISTORY:
      // A page for a reader that does not read would only wait in memory.
      if (s.sink.bufferedBytes > 262_144) return refuse('overloaded', 500, 'read what was sent first');
      tookRequest(ctx, s, f.ref, f.chat);
      ctx.route('chat', f.chat, { t: 'history', ref: f.ref, user, from: f.from, limit: f.limit, back: f.back });
      return CONTINUE;
    case OP.CHAT_INFO:
      tookRequest(ctx, s, f.ref, f.chat);
      ctx.route('chat', f.chat, { t: 'info', ref: f.ref, user, after: f.after });
      return CONTINUE;
    default:
      return toSession(ctx, s, f, refuse);
  }
}

function toSession(
  ctx: Ctx,
  s: ConnectionState,
  f: Frame<'LIST_CHATS'> | Frame<'BLOCK'> | Frame<'SET_PRIVACY'> | Frame<'LIST_DEVICES'> | Frame<'REMOVE_DEVICE'>,
  refuse: (code: ErrorCode, afterMs: number, about: string) => Next,
): Next {
  if (!s.session) return refuse('unavailable', 500, 'your session is being found again');
  tookRequest(ctx, s, f.ref, null);
  switch (f.op) {
    case OP.LIST_CHATS:
      ctx.send(s.session, { t: 'listChats', ref: f.ref, after: f.after, limit: f.limit });
      return CONTINUE;
    case OP.BLOCK:
      ctx.send(s.session, { t: 'setBlock', ref: f.ref, user: f.user, on: f.on });
      return CONTINUE;
    case OP.SET_PRIVACY:
      ctx.send(s.session, { t: 'setPrivacy', ref: f.ref, presence: f.presence });
      return CONTINUE;
    case OP.LIST_DEVICES:
      ctx.send(s.session, { t: 'listDevices', ref: f.ref });
      return CONTINUE;
    case OP.REMOVE_DEVICE:
      ctx.send(s.session, { t: 'removeDevice', ref: f.ref, device: f.device });
      return CONTINUE;
  }
}
