// A chat takes messages and changes: rights, idempotency, order, a number, and off to the writer. Nothing is answered here but refusals.
import {
  CHANGE,
  CHAT_KIND,
  type Change,
  decodeServerFrame,
  directChatId,
  type ErrorCode,
  encodeChange,
  encodeFrame,
  groupChatId,
  LIMITS,
  OP,
  ROLE,
  TYPE,
} from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Next, type Ref } from '../runtime/index.ts';
import { advanced, type Entry, recordDue, recordWrite, type Write } from '../storage/index.ts';
import { addWaiter, PENDING_MAX, type Pending, type Waiter } from './chat-log.ts';
import { type ChatState, CONFIRM_DEADLINE_MS, markStamp, READINGS_MAX, token } from './chat-state.ts';
import type { ChangeMail, CreateMail, FaultMail, LogEntry, PostMail } from './mail.ts';
import { mayChange, mayPost } from './rights.ts';
import { TICK } from './ticks.ts';

/** What is to become an entry. `ref` is null for a message. */
interface Draft {
  readonly user: string;
  readonly device: string;
  readonly id: string;
  readonly type: number;
  readonly body: Uint8Array;
  readonly about: number | null;
  readonly ref: number | null;
}

export function fault(
  ctx: Ctx,
  s: ChatState,
  to: Ref | null,
  ref: number | null,
  id: string | null,
  code: ErrorCode,
  afterMs: number,
  about: string,
): void {
  s.deps.counters.count('refused', code);
  if (to === null) return;
  // A request is known by its number, a message by its id: with both, it would be taken for a message.
  const mail: FaultMail = { t: 'fault', ref, chat: s.chat, id: ref === null ? id : null, code, afterMs, about };
  ctx.send(to, mail);
}

/** How long a client should wait before it tries again: spread, so that a crowd does not come back at once. */
export const spread = (ctx: Ctx, ms: number): number => Math.ceil(ms * (0.5 + ctx.env.random()));

export function onPost(ctx: Ctx, s: ChatState, mail: PostMail): Next {
  const to = ctx.sender;
  const known = s.log.find(mail.user, mail.device, mail.id);
  if (known) {
    answerKnown(ctx, s, to, null, mail.id, known.n, known.ts);
    return CONTINUE;
  }
  const draft: Draft = { ...draftOf(mail), type: mail.type, body: mail.body, about: mail.about, ref: null };
  // What may be in the log already is answered with its number, also to who may not write any more.
  if (mail.retry && s.members.all.has(mail.user)) return askIndex(ctx, s, to, draft, mail.after);
  accept(ctx, s, to, draft, mail.after);
  return CONTINUE;
}

const draftOf = (m: { user: string; device: string; id: string }) => ({ user: m.user, device: m.device, id: m.id });

/** The same id again. It is answered with its first number: at once if that is durable, else with the first one's answer. */
function answerKnown(
  ctx: Ctx,
  s: ChatState,
  to: Ref | null,
  ref: number | null,
  id: string,
  n: number,
  ts: number,
): void {
  if (to === null) return;
  const pending = s.log.pendingAt(n);
  if (pending) {
    if (!addWaiter(pending.waiters, to, ref))
      fault(ctx, s, to, ref, id, 'overloaded', spread(ctx, 1_000), 'too many wait for this already');
  } else if (ref === null) ctx.send(to, { t: 'posted', chat: s.chat, id, seq: n, ts });
  else ctx.send(to, { t: 'done', ref, value: s.chat });
}

/** Only a second attempt costs a read. User mail waits meanwhile: what the sender sent after it must not overtake it. */
function askIndex(ctx: Ctx, s: ChatState, to: Ref | null, draft: Draft, after: string | null): Next {
  const asked = token(s);
  const op = { kind: 'sent', chat: s.chat, sender: draft.user, device: draft.device, id: draft.id } as const;
  if (s.readings.size >= READINGS_MAX || !ctx.tell(s.deps.reader, { t: 'read', token: asked, op })) {
    fault(ctx, s, to, draft.ref, draft.id, 'overloaded', spread(ctx, 500), 'the store is busy');
    return CONTINUE;
  }
  ctx.hold();
  const resume = (found: number | null): void => {
    if (found === null) accept(ctx, s, to, draft, after);
    // Rule 5 of the fenced log: a hit counts only if that entry of the log is that message.
    else if (found <= s.log.durable) checkStored(ctx, s, to, draft, after, found);
    else accept(ctx, s, to, draft, after);
  };
  const failed = (): void =>
    fault(ctx, s, to, draft.ref, draft.id, 'unavailable', spread(ctx, 1_000), 'the store did not answer');
  s.readings.set(asked, { for: 'retry', resume, failed });
  return CONTINUE;
}

/** The index names an entry: if that is this message, it is answered as it was at first, else the index was of a write that never counted. */
function checkStored(ctx: Ctx, s: ChatState, to: Ref | null, draft: Draft, after: string | null, n: number): void {
  const asked = token(s);
  const limit = { entries: 1, bytes: 65_536 };
  const op = { kind: 'log', log: `c:${s.chat}`, from: n, to: n, limit, back: false } as const;
  if (!ctx.tell(s.deps.reader, { t: 'read', token: asked, op }))
    return fault(ctx, s, to, draft.ref, draft.id, 'overloaded', spread(ctx, 500), 'the store is busy');
  ctx.hold();
  s.readings.set(asked, { for: 'again', resume: (stored) => onStored(ctx, s, to, draft, after, n, stored) });
}

function onStored(
  ctx: Ctx,
  s: ChatState,
  to: Ref | null,
  draft: Draft,
  after: string | null,
  n: number,
  stored: Entry | null | undefined,
): void {
  if (stored === undefined)
    return fault(ctx, s, to, draft.ref, draft.id, 'unavailable', spread(ctx, 1_000), 'the store did not answer');
  const f = stored === null ? null : decodeServerFrame(stored.bytes);
  const same =
    f?.op === OP.RECEIVE_MESSAGE && f.id === draft.id && f.sender === draft.user && f.device === draft.device;
  if (same) answerKnown(ctx, s, to, null, draft.id, n, f.ts);
  else accept(ctx, s, to, draft, after);
}

function accept(ctx: Ctx, s: ChatState, to: Ref | null, draft: Draft, after: string | null): void {
  const denied = mayPost(s.members, s.blockers, draft.user);
  if (denied) {
    const why = denied === 'blocked' ? 'this user does not take your messages' : 'you are not a member';
    return fault(ctx, s, to, draft.ref, draft.id, denied, 0, why);
  }
  if (draft.about !== null && draft.about > s.log.head) return askBeyond(ctx, s, to, draft, draft.about);
  if (draft.about !== null && draft.about < 1) return refuseAbout(ctx, s, to, draft);
  if (after !== null && !s.log.find(draft.user, draft.device, after)) {
    fault(
      ctx,
      s,
      to,
      draft.ref,
      draft.id,
      'out_of_order',
      0,
      'the message before this one is not here; send from there on again',
    );
    return;
  }
  append(ctx, s, to, draft, null);
}

const refuseAbout = (ctx: Ctx, s: ChatState, to: Ref | null, draft: Draft): void =>
  fault(ctx, s, to, draft.ref, draft.id, 'bad_argument', 0, '`about` names no entry of this chat');

/**
 * Names an entry that this cell does not know. It is refused for good only if the store does not know it either: another node may
 * have taken the chat over and gone on, and a sender who was shown more than this cell has is right.
 */
function askBeyond(ctx: Ctx, s: ChatState, to: Ref | null, draft: Draft, about: number): void {
  const asked = token(s);
  const limit = { entries: 1, bytes: 65_536 };
  const op = { kind: 'log', log: `c:${s.chat}`, from: about, to: about, limit, back: false } as const;
  if (s.readings.size >= READINGS_MAX || !ctx.tell(s.deps.reader, { t: 'read', token: asked, op }))
    return fault(ctx, s, to, draft.ref, draft.id, 'overloaded', spread(ctx, 500), 'the store is busy');
  // What the sender sent after it must not be answered first.
  ctx.hold();
  const then = (found: boolean | null): void => {
    if (found === false) refuseAbout(ctx, s, to, draft);
    else fault(ctx, s, to, draft.ref, draft.id, 'unavailable', spread(ctx, 1_000), 'this chat is not up to date here');
  };
  s.readings.set(asked, { for: 'about', then });
}

/** Gives the next number and hands the entry to the writer, or refuses and changes nothing. */
function append(ctx: Ctx, s: ChatState, to: Ref | null, draft: Draft, change: Change | null): boolean {
  const n = s.log.head + 1;
  if (s.log.pending.length >= PENDING_MAX) {
    fault(
      ctx,
      s,
      to,
      draft.ref,
      draft.id,
      'overloaded',
      spread(ctx, 500),
      'too many messages of this chat wait for the store',
    );
    return false;
  }
  // Time stamps of a chat never go back, whatever the clock does.
  const ts = Math.max(s.log.lastTs, ctx.env.wallNow());
  const frame = encodeFrame({
    op: OP.RECEIVE_MESSAGE,
    chat: s.chat,
    seq: n,
    sender: draft.user,
    device: draft.device,
    id: draft.id,
    ts,
    type: draft.type,
    body: draft.body,
    about: draft.about,
  });
  if (frame.length > LIMITS.frameBytesMax) {
    fault(ctx, s, to, draft.ref, draft.id, 'too_large', 0, 'the entry does not fit a frame');
    return false;
  }
  const writes: Write[] = [
    { t: 'entry', log: `c:${s.chat}`, n, fence: s.fence, bytes: frame },
    { t: 'sent', chat: s.chat, sender: draft.user, device: draft.device, id: draft.id, n, fence: s.fence },
  ];
  const record = s.record !== null && recordDue(s.record, s.log.durable) ? advanced(s.record, s.log.durable) : null;
  if (record !== null) writes.push(recordWrite(`c:${s.chat}`, record));
  // Before its first unsettled message a chat is marked, durable before that message is acked. Again by each owner: the end of an
  // earlier mark may be under way still.
  if (!s.marked) {
    const stamp = markStamp(s, n);
    writes.push({ t: 'put', table: 'dirty', partition: String(s.shard), key: s.chat, stamp, bytes: EMPTY });
  }
  if (!ctx.tell(s.writer, { t: 'write', token: n, partition: s.chat, writes })) {
    fault(ctx, s, to, draft.ref, draft.id, 'unavailable', spread(ctx, 1_000), 'the store takes nothing now');
    return false;
  }
  if (record !== null) s.record = record;
  s.dirty = true;
  s.marked = true;
  s.log.lastTs = ts;
  const entry: LogEntry = { n, sender: draft.user, device: draft.device, type: draft.type, ts, frame };
  const waiters: Waiter[] = to === null ? [] : [{ to, ref: draft.ref }];
  s.log.push({ entry, id: draft.id, ts, sinceMs: ctx.now(), waiters, done: false }, draft.user, draft.device);
  if (change !== null) {
    s.changesPending++;
    ctx.hold();
  }
  if (s.timers.deadline === 0) s.timers.deadline = ctx.after(CONFIRM_DEADLINE_MS, TICK.deadline);
  return true;
}
const EMPTY = new Uint8Array(0);

/** Whoever waits for this entry hears that its outcome is unknown. */
export function giveUp(ctx: Ctx, s: ChatState, p: Pending, about: string): void {
  for (const w of p.waiters.splice(0)) {
    for (let owed = 1 + (w.again ?? 0); owed > 0; owed--)
      fault(ctx, s, w.to, w.ref, p.id, 'unavailable', spread(ctx, 1_000), about);
  }
}

/** Senders who have waited too long hear that the outcome is unknown; the entry itself goes on to be written. */
export function onDeadline(ctx: Ctx, s: ChatState): void {
  s.timers.deadline = 0;
  const now = ctx.now();
  for (const p of s.log.pending) {
    if (now - p.sinceMs < CONFIRM_DEADLINE_MS) break;
    giveUp(ctx, s, p, 'the store has not confirmed yet');
  }
  const oldest = s.log.pending.find((p) => p.waiters.length > 0);
  if (oldest) {
    const wait = Math.max(100, oldest.sinceMs + CONFIRM_DEADLINE_MS - now);
    s.timers.deadline = ctx.after(wait, TICK.deadline);
  }
}

export function onCreate(ctx: Ctx, s: ChatState, mail: CreateMail): Next {
  const to = ctx.sender;
  const refuse = (code: ErrorCode, about: string): Next => {
    fault(ctx, s, to, mail.ref, null, code, 0, about);
    return CONTINUE;
  };
  if (mail.kind === CHAT_KIND.direct) {
    const peer = mail.members[0];
    if (peer === undefined || mail.members.length !== 1)
      return refuse('bad_argument', 'a direct chat has one other member');
    if (peer === mail.user) return refuse('bad_argument', 'a direct chat with oneself is none');
    if (directChatId(mail.user, peer) !== s.chat) return refuse('bad_argument', 'the chat id does not fit');
    if (s.blockers.has(peer)) return refuse('blocked', 'this user does not take your messages');
  } else if (groupChatId(mail.user, mail.id) !== s.chat) return refuse('bad_argument', 'the chat id does not fit');
  if (s.members.created) {
    if (!s.members.isPresent(mail.user)) return refuse('not_member', 'you are not a member');
    if (to) ctx.send(to, { t: 'done', ref: mail.ref, value: s.chat });
    return CONTINUE;
  }
  const direct = mail.kind === CHAT_KIND.direct;
  const others = [...new Set(mail.members)].filter((u) => u !== mail.user);
  const members: [string, number][] = [
    [mail.user, direct ? ROLE.member : ROLE.owner],
    ...others.map((u): [string, number] => [u, ROLE.member]),
  ];
  const change: Change = { type: TYPE.created, kind: mail.kind, title: mail.title, members };
  append(
    ctx,
    s,
    to,
    { ...draftOf(mail), type: TYPE.created, body: encodeChange(change), about: null, ref: mail.ref },
    change,
  );
  return CONTINUE;
}

export function onChange(ctx: Ctx, s: ChatState, mail: ChangeMail): Next {
  const to = ctx.sender;
  const known = s.log.find(mail.user, mail.device, mail.id);
  if (known) {
    answerKnown(ctx, s, to, mail.ref, mail.id, known.n, known.ts);
    return CONTINUE;
  }
  const users = [...new Set(mail.users)];
  const denied = mayChange(s.members, mail.user, mail.change, users, mail.role);
  if (denied) {
    fault(ctx, s, to, mail.ref, null, denied, 0, 'your standing in this chat does not allow it');
    return CONTINUE;
  }
  const made = changeOf(s, mail, users);
  if (typeof made === 'string') fault(ctx, s, to, mail.ref, null, made, 0, REASONS[made] ?? made);
  else if (made === null) {
    // Nothing to do is done.
    if (to) ctx.send(to, { t: 'done', ref: mail.ref, value: s.chat });
  } else {
    append(
      ctx,
      s,
      to,
      { ...draftOf(mail), type: made.type, body: encodeChange(made), about: null, ref: mail.ref },
      made,
    );
  }
  return CONTINUE;
}
const REASONS: Partial<Record<ErrorCode, string>> = {
  already_member: 'all of them are members already',
  chat_full: `a group has ${LIMITS.membersMax} members at the most`,
  bad_argument: 'users or title are missing',
};

function changeOf(s: ChatState, mail: ChangeMail, users: string[]): Change | ErrorCode | null {
  const here = users.filter((u) => s.members.isPresent(u));
  switch (mail.change) {
    case CHANGE.add: {
      if (users.length === 0) return 'bad_argument';
      const fresh = users.filter((u) => !s.members.isPresent(u));
      if (fresh.length === 0) return 'already_member';
      return s.members.hasRoomFor(fresh.length) ? { type: TYPE.added, users: fresh } : 'chat_full';
    }
    case CHANGE.remove:
      if (users.length === 0) return 'bad_argument';
      return here.length === 0 ? null : { type: TYPE.removed, users: here };
    case CHANGE.leave:
      return { type: TYPE.left };
    case CHANGE.role:
      return here.length === 0 ? 'bad_argument' : { type: TYPE.role, users: here, role: mail.role };
    default:
      return mail.title === s.members.title ? null : { type: TYPE.renamed, title: mail.title };
  }
}
