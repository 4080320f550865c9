// What became durable goes out: `sent` to senders, entries to members' sessions, and again to those who have not settled.
// Delivered and read cursors come back here and go on to those who sent.
import { CHAT_KIND, decodeChange, decodeServerFrame, OP, TYPE } from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Next } from '../runtime/index.ts';
import type { Entry } from '../storage/index.ts';
import { entryOf } from './chat-entry.ts';
import type { Pending } from './chat-log.ts';
import { saveSoon, unmark } from './chat-save.ts';
import {
  type ChatState,
  COUNTING_MAX,
  COUNTS_MS,
  present,
  READINGS_MAX,
  REPEAT_MAX_MS,
  REPEAT_MIN_MS,
  token,
  unsettled,
} from './chat-state.ts';
import type { DeliverMail, FetchMail, GotMail, LogEntry, ReadToMail } from './mail.ts';
import type { Member } from './members.ts';
import { TICK } from './ticks.ts';

export const FETCH_LIMIT = { entries: 64, bytes: 262_144 } as const;

export function applyChange(s: ChatState, entry: LogEntry): void {
  const f = decodeServerFrame(entry.frame);
  if (f.op !== OP.RECEIVE_MESSAGE) throw new Error('a log entry is no message');
  s.members.apply(entry.n, entry.sender, decodeChange(entry.type, f.body));
  s.presentUsers = null;
  s.snapshotStale = true;
}

/** Entry `n` is in the store: release the prefix that is complete by it. */
export function onWritten(ctx: Ctx, s: ChatState, n: number): void {
  const base = s.log.durable;
  const released = s.log.written(n);
  if (released.length === 0) return;
  for (const p of released) answer(ctx, s, p);
  deliver(ctx, s, base, released);
}

function answer(ctx: Ctx, s: ChatState, p: Pending): void {
  for (const w of p.waiters) {
    for (let owed = 1 + (w.again ?? 0); owed > 0; owed--) {
      if (w.ref === null) ctx.send(w.to, { t: 'posted', chat: s.chat, id: p.id, seq: p.entry.n, ts: p.ts });
      else ctx.send(w.to, { t: 'done', ref: w.ref, value: s.chat });
    }
  }
  s.deps.counters.count('sent', 'entry');
}

function deliver(ctx: Ctx, s: ChatState, base: number, released: readonly Pending[]): void {
  const upTo = s.log.durable;
  const entries: LogEntry[] = [];
  let changed = false;
  for (const { entry } of released) {
    if (entry.type >= TYPE.created) {
      changed = true;
      s.changesPending--;
      ctx.release();
    } else if (s.members.kind === CHAT_KIND.group) countFor(s, entry.sender, entry.n);
    entries.push(entry);
  }
  if (changed) deliverChanged(ctx, s, base, upTo, entries);
  else
    ctx.routeAll('session', present(s), {
      t: 'deliver',
      chat: s.chat,
      base,
      upTo,
      joined: false,
      entries,
    } satisfies DeliverMail);
  armRepeat(ctx, s, REPEAT_MIN_MS);
}

/** Somebody came or went in these entries: each member gets what is his to see. Changes are rare, and never share a batch with posts behind them. */
function deliverChanged(ctx: Ctx, s: ChatState, base: number, upTo: number, entries: readonly LogEntry[]): void {
  for (const e of entries) if (e.type >= TYPE.created) applyChange(s, e);
  for (const m of s.members.all.values()) {
    const seen = entries.filter((e) => s.members.sees(m, e.n));
    const joined = m.spans[m.spans.length - 1]?.from ?? 0;
    if (seen.length > 0)
      ctx.route('session', m.user, {
        t: 'deliver',
        chat: s.chat,
        base,
        upTo,
        joined: joined > base,
        entries: seen,
      } satisfies DeliverMail);
  }
  saveSoon(ctx, s);
}

export function onGot(ctx: Ctx, s: ChatState, mail: GotMail): Next {
  const m = s.members.all.get(mail.user);
  if (!m) return CONTINUE;
  const last = s.members.lastFor(m, s.log.durable);
  const settled = Math.min(mail.settled, s.log.durable);
  const delivered = Math.min(mail.delivered, last);
  if (settled > m.settled) {
    m.settled = settled;
    s.cursorsDirty.add(m.user);
  }
  if (delivered > m.delivered) {
    m.delivered = delivered;
    s.cursorsDirty.add(m.user);
    tellCursor(ctx, s, m);
  }
  if (s.cursorsDirty.size > 0) saveSoon(ctx, s);
  return CONTINUE;
}

export function onReadTo(ctx: Ctx, s: ChatState, mail: ReadToMail): Next {
  const m = s.members.all.get(mail.user);
  if (!m) return CONTINUE;
  const read = Math.min(mail.seq, s.members.lastFor(m, s.log.durable));
  if (read > m.read) {
    m.read = read;
    m.delivered = Math.max(m.delivered, read);
    tellCursor(ctx, s, m);
  }
  // Said again or not: the reader wants to hear that it is stored.
  s.cursorsDirty.add(m.user);
  s.readsUnconfirmed.add(m.user);
  saveSoon(ctx, s);
  return CONTINUE;
}

function tellCursor(ctx: Ctx, s: ChatState, m: Member): void {
  if (s.members.kind === CHAT_KIND.direct) {
    const mail = { t: 'receipt', chat: s.chat, user: m.user, delivered: m.delivered, read: m.read };
    ctx.hint('session', s.members.others(m.user), mail);
  } else tellCounts(ctx, s);
}

export function tellCounts(ctx: Ctx, s: ChatState): void {
  if (s.counting.size > 0 && s.timers.counts === 0) s.timers.counts = ctx.after(COUNTS_MS, TICK.counts);
}

/** `sender` hears how many have had and read its message `n`, its latest. */
export function countFor(s: ChatState, sender: string, n: number): void {
  s.counting.delete(sender);
  s.counting.set(sender, { seq: n, delivered: 0, read: 0 });
  if (s.counting.size > COUNTING_MAX) for (const oldest of s.counting.keys()) return void s.counting.delete(oldest);
}

/** Receipts of a group are counts, and only for the latest message of its latest senders: never members × messages. */
export function onCountsTick(ctx: Ctx, s: ChatState): void {
  s.timers.counts = 0;
  for (const [user, c] of s.counting) {
    let members = 0;
    let delivered = 0;
    let read = 0;
    for (const m of s.members.all.values()) {
      if (m.user === user || !s.members.sees(m, c.seq)) continue;
      members++;
      if (m.delivered >= c.seq) delivered++;
      if (m.read >= c.seq) read++;
    }
    if (delivered === c.delivered && read === c.read) continue;
    s.counting.set(user, { seq: c.seq, delivered, read });
    ctx.hint('session', [user], { t: 'counts', chat: s.chat, seq: c.seq, delivered, read, members });
    if (read === members) s.counting.delete(user);
  }
}

export function armRepeat(ctx: Ctx, s: ChatState, delayMs: number): void {
  s.repeatMs = delayMs;
  if (s.timers.repeat === 0) s.timers.repeat = ctx.after(delayMs, TICK.repeat);
}

/** Members that have not settled are told again, with backoff, forever. When all have, the chat is unmarked. */
export function onRepeatTick(ctx: Ctx, s: ChatState): void {
  s.timers.repeat = 0;
  let owing = 0;
  for (const m of s.members.all.values()) {
    if (!unsettled(s, m)) continue;
    owing++;
    const upTo = s.members.lastFor(m, s.log.durable);
    ctx.route('session', m.user, { t: 'nudge', chat: s.chat, settled: m.settled, upTo });
    s.deps.counters.count('nudged', 'chat');
  }
  if (owing > 0 || s.log.pending.length > 0) armRepeat(ctx, s, Math.min(REPEAT_MAX_MS, s.repeatMs * 2));
  else if (s.dirty && !unmark(ctx, s)) armRepeat(ctx, s, REPEAT_MIN_MS);
}

/** A session lacks entries: from memory if they are there, else from the store. */
export function onFetch(ctx: Ctx, s: ChatState, mail: FetchMail): Next {
  const m = s.members.all.get(mail.user);
  if (!m) return CONTINUE;
  // A session that knows nothing goes on from what it has settled: all before is acked by its devices or in the inbox.
  const after = mail.after ?? m.settled;
  const upTo = s.members.lastFor(m, s.log.durable);
  if (after >= upTo) {
    ctx.route('session', m.user, {
      t: 'deliver',
      chat: s.chat,
      base: after,
      upTo: after,
      joined: false,
      entries: [],
    } satisfies DeliverMail);
    return CONTINUE;
  }
  const inMemory = s.log.since(after);
  if (inMemory) fetched(ctx, s, m, mail, after, upTo, inMemory);
  else if (s.readings.size < READINGS_MAX) {
    const asked = token(s);
    const op = { kind: 'log', log: `c:${s.chat}`, from: after + 1, to: upTo, limit: FETCH_LIMIT, back: false } as const;
    if (ctx.tell(s.deps.reader, { t: 'read', token: asked, op }))
      s.readings.set(asked, { for: 'fetch', mail, after, upTo });
  }
  return CONTINUE;
}

export function fetched(
  ctx: Ctx,
  s: ChatState,
  m: Member,
  mail: FetchMail,
  after: number,
  upTo: number,
  entries: readonly LogEntry[],
): void {
  const seen = entries.filter((e) => e.n <= upTo && s.members.sees(m, e.n));
  const last = entries[entries.length - 1]?.n ?? upTo;
  const covered = Math.min(upTo, last);
  const deliver: DeliverMail = {
    t: 'deliver',
    chat: s.chat,
    base: after,
    upTo: covered,
    joined: mail.after === null,
    entries: seen,
  };
  ctx.route('session', m.user, deliver);
}

export function onFetchRead(
  ctx: Ctx,
  s: ChatState,
  mail: FetchMail,
  after: number,
  upTo: number,
  entries: readonly Entry[],
): void {
  const m = s.members.all.get(mail.user);
  if (m) fetched(ctx, s, m, mail, after, upTo, entries.map(entryOf));
}
