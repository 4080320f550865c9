// Sign-in: HELLO, the token, the session, WELCOME; and finding the session again when it was lost.
import { encodeFrame, type Frame, LIMITS, OP, WIRE_VERSION } from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Next } from '../runtime/index.ts';
import { close, writeFault } from './connection-close.ts';
import type { ConnectionState } from './connection-state.ts';
import type { AttachedMail } from './mail.ts';
import { TICK } from './ticks.ts';
import type { VerifiedMail } from './verifier.ts';

/**
 * A session whose node died is on its way to another one: that takes 7 to 10 s from the death. A client that is kept waiting for it
 * is served as soon as it is there; one that is turned away comes back by chance, later.
 */
export const ATTACH_MS = 9_000;

export function onHello(ctx: Ctx, s: ConnectionState, f: Frame<'HELLO'>): Next {
  if (f.version < WIRE_VERSION)
    return close(s, 'unsupportedVersion', 'unsupported_version', `this server speaks version ${WIRE_VERSION}`);
  if (s.deps.pressure.level >= 2) {
    s.deps.counters.count('shed', 'signIn');
    return close(s, 'overloaded', 'overloaded', 'no sign-ins now');
  }
  s.device = f.device;
  s.hello = { agent: f.agent, sync: f.sync, known: f.known };
  s.phase = 'verifying';
  if (!ctx.tell(s.deps.verifierService, { t: 'verify', token: f.token, fresh: false }))
    return close(s, 'overloaded', 'overloaded', 'too many sign-ins at once');
  return CONTINUE;
}

export function onVerified(ctx: Ctx, s: ConnectionState, r: VerifiedMail): Next {
  if (s.phase === 'closed') return CONTINUE;
  if ('refused' in r.result) {
    const expired = r.result.refused === 'token_expired';
    if (r.ref !== null) {
      writeFault(s, { ref: r.ref, chat: null, id: null, code: r.result.refused, afterMs: 0, about: r.result.about });
      return CONTINUE;
    }
    return close(s, expired ? 'tokenExpired' : 'unauthenticated', r.result.refused, r.result.about);
  }
  const { user, expires, device } = r.result;
  if (r.ref !== null) {
    const same = user === s.user && (device === null || device === s.device);
    if (!same)
      writeFault(s, {
        ref: r.ref,
        chat: null,
        id: null,
        code: 'unauthenticated',
        afterMs: 0,
        about: 'the token is of another user or device',
      });
    else {
      s.expires = expires;
      armWatch(ctx, s);
      s.sink.write(encodeFrame({ op: OP.OK, ref: r.ref, value: null }));
    }
    return CONTINUE;
  }
  if (device !== null && device !== s.device)
    return close(s, 'unauthenticated', 'unauthenticated', 'the token is for another device');
  if (s.deps.rates.signIn(user, Math.ceil(ctx.now())) > 0)
    return close(s, 'overloaded', 'rate_limited', 'this user signs in too often');
  s.user = user;
  s.expires = expires;
  s.phase = 'attaching';
  if (s.timer !== 0) ctx.cancel(s.timer);
  s.timer = ctx.after(ATTACH_MS, TICK.signIn);
  attach(ctx, s, false);
  return CONTINUE;
}

export function attach(ctx: Ctx, s: ConnectionState, again: boolean): void {
  // Found again: only as the registration that it was. Another device under this id may have taken its place meanwhile.
  const hello = s.hello ?? { agent: '', sync: s.sync, known: [] };
  ctx.route('session', s.user, {
    t: 'attach',
    device: s.device,
    agent: hello.agent,
    sync: hello.sync,
    known: hello.known,
    again,
  });
}

/** The next look at this socket: when it would have been silent for too long, or when its token expires. */
export function armWatch(ctx: Ctx, s: ConnectionState): void {
  if (s.timer !== 0) ctx.cancel(s.timer);
  const silenceMs = LIMITS.silenceMs - (ctx.now() - s.heard);
  const tokenMs = s.expires === null ? silenceMs : s.expires - ctx.env.wallNow();
  s.timer = ctx.after(Math.max(1, Math.min(silenceMs, tokenMs)), TICK.silence);
}

export function onAttached(ctx: Ctx, s: ConnectionState, mail: AttachedMail): Next {
  if (s.phase === 'closed' || ctx.sender === null) return CONTINUE;
  if (s.monitor !== 0) ctx.demonitor(s.monitor);
  s.session = ctx.sender;
  s.monitor = ctx.monitor(ctx.sender);
  s.sync = mail.sync;
  s.gaps = 0;
  if (!mail.resumed) s.level = false;
  if (s.phase !== 'attaching') return CONTINUE;
  s.phase = 'open';
  // The agent stays with the session; the list of what the device has was long, perhaps.
  s.hello = null;
  armWatch(ctx, s);
  s.sink.write(
    encodeFrame({
      op: OP.WELCOME,
      user: s.user,
      device: s.device,
      node: s.deps.node,
      sync: mail.sync,
      resumed: mail.resumed,
      heartbeatMs: LIMITS.heartbeatMs,
      window: LIMITS.windowMessages,
      time: ctx.env.wallNow(),
      expires: s.expires,
    }),
  );
  return CONTINUE;
}
