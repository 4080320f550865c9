// The chat cell: the one owner of a chat's log. It numbers messages, has them written, and tells members until all have settled.
// A thin shell: what it does with each mail stands in chat-post, chat-deliver, chat-read, chat-save and chat-open.
import { CONTINUE, type Ctx, HIBERNATE, type Kind, type Next, type Refused, type Stop } from '../runtime/index.ts';
import type { Entry, LoadedMail, ReadResultMail, WrittenMail } from '../storage/index.ts';
import { onCountsTick, onFetch, onFetchRead, onGot, onReadTo, onRepeatTick, onWritten } from './chat-deliver.ts';
import { notRead, onEnd } from './chat-end.ts';
import { load, onLoaded, onLoadTick, onTailRead } from './chat-open.ts';
import { fault, onChange, onCreate, onDeadline, onPost, spread } from './chat-post.ts';
import { onBlock, onHistory, onHistoryRead, onInfo, onSummary, onTyping } from './chat-read.ts';
import { onFlushTick, onSaved, saved, told } from './chat-save.ts';
import { type ChatState, IDLE_MS, newChatState, PRESSED_IDLE_MS } from './chat-state.ts';
import type { ActorDeps } from './deps.ts';
import type { ChatMail, ChatTick } from './mail.ts';
import { TICK } from './ticks.ts';

/** The shard is another node's now: its cell knows what was stored; what was not is sent again. */
const LOST: Stop = { reason: 'shutdown' };

export function chatKind(deps: ActorDeps): Kind<ChatState, ChatMail> {
  return {
    name: 'chat',
    restart: 'transient',
    activate: 'mail',
    init(ctx, key) {
      const s = newChatState(deps, key, ctx.now());
      ctx.hold();
      load(ctx, s);
      s.timers.idle = ctx.after(IDLE_MS, TICK.idle);
      return s;
    },
    receive(ctx, s, mail) {
      if (mail.t === 'tick') return onTick(ctx, s, mail);
      s.lastMailMs = ctx.now();
      if (s.phase !== 'open') return refuseBroken(ctx, s, mail);
      return onMail(ctx, s, mail);
    },
    onReply(ctx, s, reply) {
      const r = reply as WrittenMail | ReadResultMail | LoadedMail;
      // After the write and before the ack: what another owner may have read past was never told to anybody.
      if (!s.deps.holds(s.shard, s.fence)) return LOST;
      if (r.t === 'written') onResults(ctx, s, r);
      else if (r.t === 'loaded') {
        if (r.ok) onLoaded(ctx, s, r.values);
      } else onRead(ctx, s, r);
      return CONTINUE;
    },
    onRefused: onRefused,
    onSeal(ctx, s) {
      if (s.phase === 'open') onFlushTick(ctx, s);
    },
    onStop: onEnd,
    quiet: (s) => s.phase !== 'open' || (s.log.pending.length === 0 && s.readings.size === 0 && told(s)),
    shedClass: (mail) => (mail.t === 'typing' ? 3 : mail.t === 'got' || mail.t === 'readTo' ? 1 : 0),
    redact: (s) => ({
      phase: s.phase,
      head: s.log.head,
      durable: s.log.durable,
      pending: s.log.pending.length,
      members: s.members.present,
      dirty: s.dirty,
      readings: s.readings.size,
    }),
  };
}

function onMail(ctx: Ctx, s: ChatState, mail: Exclude<ChatMail, ChatTick>): Next {
  switch (mail.t) {
    case 'post':
      return onPost(ctx, s, mail);
    case 'got':
      return onGot(ctx, s, mail);
    case 'readTo':
      return onReadTo(ctx, s, mail);
    case 'fetch':
      return onFetch(ctx, s, mail);
    case 'history':
      return onHistory(ctx, s, mail);
    case 'typing':
      return onTyping(ctx, s, mail);
    case 'create':
      return onCreate(ctx, s, mail);
    case 'change':
      return onChange(ctx, s, mail);
    case 'info':
      return onInfo(ctx, s, mail);
    case 'summary':
      return onSummary(ctx, s, mail);
    case 'block':
      return onBlock(ctx, s, mail);
    case 'wake':
      return CONTINUE;
  }
}

function onTick(ctx: Ctx, s: ChatState, tick: ChatTick): Next {
  switch (tick.what) {
    case 'load':
      onLoadTick(ctx, s);
      return CONTINUE;
    case 'deadline':
      onDeadline(ctx, s);
      return CONTINUE;
    case 'repeat':
      onRepeatTick(ctx, s);
      return CONTINUE;
    case 'flush':
      onFlushTick(ctx, s);
      return CONTINUE;
    case 'counts':
      onCountsTick(ctx, s);
      return CONTINUE;
    case 'idle':
      return onIdle(ctx, s);
  }
}

/** Passivation: a chat that owes nobody anything leaves, and comes back with its next mail. */
function onIdle(ctx: Ctx, s: ChatState): Next {
  const idle = ctx.now() - s.lastMailMs >= idleMs(s) && s.phase === 'open';
  if (idle && s.log.pending.length === 0 && s.readings.size === 0 && saved(s)) return HIBERNATE;
  s.timers.idle = ctx.after(idleMs(s), TICK.idle);
  return CONTINUE;
}

/** Under pressure idle cells leave sooner. */
const idleMs = (s: ChatState): number => (s.deps.pressure.level >= 3 ? PRESSED_IDLE_MS : IDLE_MS);

/** The store does not give this chat its state: senders hear so and try again; sessions repeat by themselves. */
function refuseBroken(ctx: Ctx, s: ChatState, mail: ChatMail): Next {
  const why = 'the store does not answer';
  if (mail.t === 'post') fault(ctx, s, ctx.sender, null, mail.id, 'unavailable', spread(ctx, 1_000), why);
  else if (mail.t === 'block') fault(ctx, s, mail.replyTo, mail.ref, null, 'unavailable', spread(ctx, 1_000), why);
  else if ('ref' in mail) fault(ctx, s, ctx.sender, mail.ref, null, 'unavailable', spread(ctx, 1_000), why);
  return CONTINUE;
}

function onResults(ctx: Ctx, s: ChatState, written: WrittenMail): void {
  for (const r of written.results) {
    // The writer repeats until an outcome is known; what it gives up on is another owner's now, and so is this chat.
    if (!r.ok) throw new Error(`the store refused for good: ${r.fault ?? 'no reason'}`);
    if (r.token > 0) onWritten(ctx, s, r.token);
    else onSaved(ctx, s, r.token);
  }
}

function onRead(ctx: Ctx, s: ChatState, r: ReadResultMail): void {
  const reading = s.readings.get(r.token);
  if (!reading) return;
  s.readings.delete(r.token);
  if (reading.for === 'retry' || reading.for === 'about' || reading.for === 'again') ctx.release();
  if (!r.ok) return notRead(ctx, s, reading, 'the store did not answer');
  switch (reading.for) {
    case 'tail':
      return onTailRead(ctx, s, r.value as Entry[]);
    case 'retry':
      return reading.resume(r.value as number | null);
    case 'about':
      return reading.then((r.value as Entry[]).length > 0);
    case 'again':
      return reading.resume((r.value as Entry[])[0] ?? null);
    case 'history':
      return onHistoryRead(ctx, s, reading, r.value as Entry[]);
    case 'fetch':
      return onFetchRead(ctx, s, reading.mail, reading.after, reading.upTo, r.value as Entry[]);
  }
}

/** Sessions that could not take a mail are told again by the repeat timer; answers to connections that are gone are nobody's. */
function onRefused(_ctx: Ctx, s: ChatState, refused: Refused): Next {
  s.deps.counters.count('shed', refused.kind);
  return CONTINUE;
}
