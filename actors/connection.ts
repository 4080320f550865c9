// The connection cell: one a socket, on the node that holds it. Signs in, checks size, rate and rights to speak, and passes on.
// It keeps no message: what it took it has mailed, and whoever took that answers.
import { type ClientFrame, type ErrorCode, encodeFrame, LIMITS, OP } from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Down, type Kind, type Next, type Refused, STOP_NORMAL } from '../runtime/index.ts';
import { close, LEAVE_PATIENCE_MS, settleLeave, writeFault } from './connection-close.ts';
import { onFrame } from './connection-frames.ts';
import { answered, onLate, onNodeDown, onSessionDown, replied } from './connection-pending.ts';
import { armWatch, attach, onAttached, onVerified } from './connection-sign-in.ts';
import { type ConnectionState, newConnection } from './connection-state.ts';
import type { ActorDeps } from './deps.ts';
import type {
  AckMail,
  AttachedMail,
  CaughtUpMail,
  ChatInfoMail,
  ConnectionTick,
  DismissedMail,
  DoneMail,
  FaultMail,
  GapMail,
  LeaveMail,
  NodeDownMail,
  PageMail,
  PostedMail,
  PushMail,
  ReplyMail,
} from './mail.ts';
import type { Sink } from './ports.ts';
import { TICK } from './ticks.ts';
import type { VerifiedMail } from './verifier.ts';

export const REATTACH_MS = 200;
/** A gap that did not get here, our lanes having been full, is told again only to a new sign-in. */
const MISSED: DismissedMail = { t: 'dismissed', why: 'slow' };

/** The peer broke the protocol, as the gateway found. */
export interface BrokeMail {
  readonly t: 'broke';
  readonly code: ErrorCode;
  readonly about: string;
}
export interface GoneMail {
  readonly t: 'gone';
}
export type ConnectionMail =
  | PostedMail
  | FaultMail
  | DoneMail
  | PushMail
  | ReplyMail
  | PageMail
  | ChatInfoMail
  | AttachedMail
  | GapMail
  | CaughtUpMail
  | DismissedMail
  | LeaveMail
  | NodeDownMail
  | BrokeMail
  | GoneMail
  | ConnectionTick
  | (ClientFrame & { readonly t?: undefined });

export function connectionKind(deps: ActorDeps): Kind<ConnectionState, ConnectionMail> {
  return {
    name: 'connection',
    // A window of entries, a page, receipts, and a page of the peer's own frames: more is a socket that takes nothing.
    mailboxMailsMax: 2_048,
    // A crashed connection is not started again: its client reconnects and resumes.
    restart: 'temporary',
    activate: 'spawn',
    init(ctx, _key, arg) {
      const s = newConnection(deps, arg as Sink, ctx.now());
      s.timer = ctx.after(LIMITS.signInMs, TICK.signIn);
      return s;
    },
    receive(ctx, s, mail) {
      return mail.t === undefined ? onFrame(ctx, s, mail) : onMail(ctx, s, mail);
    },
    onReply(ctx, s, reply) {
      return onVerified(ctx, s, reply as VerifiedMail);
    },
    onDown,
    onRefused,
    onStop(_ctx, s, reason) {
      if (s.phase !== 'closed') s.sink.close(reason.startsWith('crash') ? 'serverFault' : 'goingAway');
    },
    shedClass: (mail) => {
      if (mail.t === undefined) return mail.op === OP.TYPING ? 3 : 0;
      return 0;
    },
    redact: (s) => ({
      phase: s.phase,
      user: s.user,
      device: s.device,
      source: s.sink.source,
      buffered: s.sink.bufferedBytes,
      pending: s.pending.length,
    }),
  };
}

function onMail(ctx: Ctx, s: ConnectionState, mail: Exclude<ConnectionMail, ClientFrame>): Next {
  switch (mail.t) {
    case 'push':
      for (const frame of mail.frames) s.sink.write(frame);
      return CONTINUE;
    case 'posted':
      answered(s, mail.chat, mail.id);
      s.sink.write(encodeFrame({ op: OP.SENT, chat: mail.chat, id: mail.id, seq: mail.seq, ts: mail.ts }));
      return settleLeave(s);
    case 'fault':
      if (mail.id !== null && mail.chat !== null) answered(s, mail.chat, mail.id);
      replied(s, mail.ref);
      writeFault(s, mail);
      return settleLeave(s);
    case 'done':
      replied(s, mail.ref);
      s.sink.write(encodeFrame({ op: OP.OK, ref: mail.ref, value: mail.value }));
      return settleLeave(s);
    case 'reply':
      replied(s, mail.ref);
      s.sink.write(mail.frame);
      return settleLeave(s);
    case 'page':
      replied(s, mail.ref);
      s.sink.write(
        encodeFrame({
          op: OP.HISTORY_PAGE,
          ref: mail.ref,
          chat: mail.chat,
          from: mail.from,
          to: mail.to,
          more: mail.more,
          entries: mail.frames,
        }),
      );
      return settleLeave(s);
    case 'info': {
      replied(s, mail.ref);
      const { t: _t, ...fields } = mail;
      s.sink.write(encodeFrame({ op: OP.CHAT, ...fields }));
      return settleLeave(s);
    }
    case 'gap':
      if (mail.at !== s.gaps + 1) return onDismissed(s, MISSED);
      s.gaps = mail.at;
      s.sink.write(encodeFrame({ op: OP.GAP, chat: mail.chat, from: mail.from, to: mail.to }));
      return CONTINUE;
    case 'caughtUp':
      if (mail.gaps !== s.gaps) return onDismissed(s, MISSED);
      s.level = true;
      s.sync = mail.sync;
      s.sink.write(encodeFrame({ op: OP.CAUGHT_UP, sync: mail.sync }));
      return CONTINUE;
    case 'attached':
      return onAttached(ctx, s, mail);
    case 'dismissed':
      return onDismissed(s, mail);
    case 'leave':
      return onLeave(ctx, s, mail);
    case 'nodeDown':
      return onNodeDown(ctx, s, mail.node);
    case 'broke':
      return close(s, 'badFrame', mail.code, mail.about);
    case 'gone':
      return onGone(ctx, s);
    case 'tick':
      return onTick(ctx, s, mail);
  }
}

function onDismissed(s: ConnectionState, mail: DismissedMail): Next {
  switch (mail.why) {
    case 'displaced':
      return close(s, 'displaced', 'displaced', 'another socket of this device took over');
    case 'revoked':
      return close(s, 'revoked', 'revoked', 'the device was removed');
    case 'tooMany':
      return close(s, 'tooMany', 'too_many_devices', `at most ${LIMITS.devicesPerUserMax} devices`);
    case 'slow':
      return close(s, 'slowReader', 'overloaded', 'you take less than you are sent; reconnect and resume');
    case 'unavailable':
      // Also when it was open: what it was still to be told is told to the next one.
      return close(s, 'overloaded', 'unavailable', 'the store does not answer');
  }
}

/** The session is lost: find it again, wherever it is now, and go on. The client notices nothing but doubles, which it drops. */
function onDown(ctx: Ctx, s: ConnectionState, down: Down): Next {
  if (down.monitor !== s.monitor) return CONTINUE;
  s.monitor = 0;
  s.session = null;
  const next = onSessionDown(ctx, s);
  if (next !== CONTINUE) return next;
  // Half told what it missed: only a new sign-in tells it all.
  if (!s.level) return close(s, 'serverFault', 'internal', 'your session was lost; reconnect');
  planAttach(ctx, s, REATTACH_MS * (0.5 + ctx.env.random()));
  return CONTINUE;
}

/** One is planned at a time: each try that is refused plans the next, and two that did would be four, and eight. */
function planAttach(ctx: Ctx, s: ConnectionState, inMs: number): void {
  if (s.attachTimer !== 0) ctx.cancel(s.attachTimer);
  s.attachTimer = ctx.after(inMs, TICK.attach);
}

/** Node and gateway say to leave: no more messages are taken; what is in flight is answered first. */
function onLeave(ctx: Ctx, s: ConnectionState, mail: LeaveMail): Next {
  if (s.phase === 'closed' || s.phase === 'leaving') return CONTINUE;
  s.sink.write(encodeFrame({ op: OP.GO_AWAY, delayMs: mail.delayMs, url: mail.url }));
  s.phase = 'leaving';
  ctx.after(LEAVE_PATIENCE_MS, TICK.leave);
  return settleLeave(s);
}

function onGone(ctx: Ctx, s: ConnectionState): Next {
  if (s.session) ctx.send(s.session, { t: 'detach', device: s.device });
  s.phase = 'closed';
  return STOP_NORMAL;
}

function onTick(ctx: Ctx, s: ConnectionState, tick: ConnectionTick): Next {
  switch (tick.what) {
    case 'signIn':
      if (s.phase === 'attaching') return close(s, 'overloaded', 'unavailable', 'your session does not answer');
      return close(s, 'signInTimeout', 'unauthenticated', 'no sign-in in time');
    case 'attach':
      return onAttachTick(ctx, s);
    case 'leave':
      s.pending = [];
      return settleLeave(s);
    case 'late':
      return onLate(ctx, s);
    case 'silence':
      return onSilence(ctx, s);
    case 'ack':
      s.acksAgain--;
      if (s.session) ctx.send(s.session, { t: 'ack', device: s.device, acks: tick.acks });
      return CONTINUE;
  }
}

/** Again, while nobody has answered. The first answer of a sign-in may be on its way for long, and is not asked for twice. */
function onAttachTick(ctx: Ctx, s: ConnectionState): Next {
  s.attachTimer = 0;
  if (s.session !== null) return CONTINUE;
  if (s.phase === 'attaching') attach(ctx, s, false);
  else if (s.phase === 'open' || s.phase === 'leaving') {
    planAttach(ctx, s, REATTACH_MS * 10);
    attach(ctx, s, true);
  }
  return CONTINUE;
}

function onSilence(ctx: Ctx, s: ConnectionState): Next {
  s.timer = 0;
  if (ctx.now() - s.heard >= LIMITS.silenceMs) {
    s.deps.counters.count('zombie', 'silent');
    return close(s, 'silent', 'bad_argument', 'nothing was heard for 30 s');
  }
  if (s.expires !== null && ctx.env.wallNow() >= s.expires)
    return close(s, 'tokenExpired', 'token_expired', 'the token has expired');
  armWatch(ctx, s);
  return CONTINUE;
}

/** Acks that wait to be said again; the client repeats those beyond, in half a minute. */
const ACKS_AGAIN_MAX = 8;
/** What a client hears of mail that was not taken. */
const REFUSED: Readonly<Record<string, ErrorCode>> = {
  mailboxFull: 'overloaded',
  busy: 'overloaded',
  noproc: 'unavailable',
  noconnection: 'unavailable',
};

/** Somebody did not take our mail: the client hears it, and tries again. */
function onRefused(ctx: Ctx, s: ConnectionState, refused: Refused): Next {
  const mail = refused.mail as { readonly t?: string; readonly id?: string; readonly ref?: number };
  const code = REFUSED[refused.reason] ?? 'internal';
  const afterMs = Math.ceil(500 + 1_000 * ctx.env.random());
  s.deps.counters.count('refused', code);
  if (mail.t === 'post' && mail.id !== undefined) {
    answered(s, refused.key, mail.id);
    writeFault(s, {
      ref: null,
      chat: refused.key,
      id: mail.id,
      code,
      afterMs,
      about: `the chat did not take it: ${refused.reason}`,
    });
    return settleLeave(s);
  }
  if (mail.ref !== undefined) {
    replied(s, mail.ref);
    writeFault(s, { ref: mail.ref, chat: null, id: null, code, afterMs, about: `not taken: ${refused.reason}` });
    return settleLeave(s);
  }
  // A full window opens with an ack only, and the client would not say it again for long. Another session hears what its device has.
  if (mail.t === 'ack' && code === 'overloaded' && s.acksAgain < ACKS_AGAIN_MAX) {
    const { acks } = refused.mail as AckMail;
    s.acksAgain++;
    ctx.after(afterMs, { t: 'tick', what: 'ack', acks });
  }
  if (mail.t === 'attach') {
    if (s.phase !== 'attaching') planAttach(ctx, s, REATTACH_MS * 5 * (0.5 + ctx.env.random()));
    else if (code === 'unavailable') planAttach(ctx, s, REATTACH_MS * (0.5 + ctx.env.random()));
    else return close(s, 'overloaded', code, 'the session does not answer');
  }
  return CONTINUE;
}
