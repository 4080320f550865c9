// What members ask of a chat: pages of its history, its members and cursors, a line for a chat list, typing, blocks.
import { CHAT_KIND, LIMITS } from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Next, type Ref } from '../runtime/index.ts';
import type { Entry } from '../storage/index.ts';
import { fault, spread } from './chat-post.ts';
import { snapshotTaken, snapshotWrite } from './chat-save.ts';
import { type ChatState, READINGS_MAX, token } from './chat-state.ts';
import type { BlockMail, ChatSummary, HistoryMail, InfoMail, PageMail, SummaryMail, TypingMail } from './mail.ts';
import type { Member } from './members.ts';
import { mayRead } from './rights.ts';

/** Leaves room for a frame's header; one entry always fits. */
export const PAGE_BYTES = LIMITS.frameBytesMax - 1_024;
export const TYPING_MEMBERS_MAX = 64;

export function onHistory(ctx: Ctx, s: ChatState, mail: HistoryMail): Next {
  const to = ctx.sender;
  const m = s.members.all.get(mail.user);
  const denied = mayRead(s.members, mail.user);
  if (!to || !m || denied) {
    fault(ctx, s, to, mail.ref, null, denied ?? 'not_member', 0, 'you are not a member');
    return CONTINUE;
  }
  const last = s.members.lastFor(m, s.log.durable);
  const first = m.spans[0]?.from ?? 1;
  const from = mail.back && mail.from === 0 ? last : mail.from;
  const lowest = Math.max(first, mail.back ? 1 : from);
  const highest = mail.back ? Math.min(from, last) : last;
  if (lowest > highest) {
    // Nothing there for this member. Never claims more than there is: what comes later is not covered.
    ctx.send(to, page(s, mail, mail.back ? 1 : from, mail.back ? Math.min(from, last) : last, false, []));
    return CONTINUE;
  }
  const asked = token(s);
  const limit = { entries: Math.max(1, mail.limit), bytes: PAGE_BYTES };
  const op = { kind: 'log', log: `c:${s.chat}`, from: lowest, to: highest, limit, back: mail.back } as const;
  if (s.readings.size >= READINGS_MAX || !ctx.tell(s.deps.reader, { t: 'read', token: asked, op })) {
    fault(ctx, s, to, mail.ref, null, 'overloaded', spread(ctx, 500), 'too many reads of this chat at once');
    return CONTINUE;
  }
  s.readings.set(asked, { for: 'history', mail, to, member: m, from, upTo: highest, lowest });
  return CONTINUE;
}

function page(
  s: ChatState,
  mail: HistoryMail,
  from: number,
  to: number,
  more: boolean,
  frames: Uint8Array[],
): PageMail {
  return { t: 'page', ref: mail.ref, chat: s.chat, from, to, more, frames };
}

/** The page covers all from its first to its last number; what this member may not see is left out of it. */
export function onHistoryRead(
  ctx: Ctx,
  s: ChatState,
  r: {
    readonly mail: HistoryMail;
    readonly to: Ref;
    readonly member: Member;
    readonly from: number;
    readonly upTo: number;
    readonly lowest: number;
  },
  entries: readonly Entry[],
): void {
  const { mail } = r;
  const ascending = mail.back ? [...entries].reverse() : entries;
  const frames = ascending.filter((e) => s.members.sees(r.member, e.n)).map((e) => e.bytes);
  const lowest = ascending[0]?.n ?? r.lowest;
  const highest = ascending[ascending.length - 1]?.n ?? r.upTo;
  if (mail.back) {
    const more = lowest > r.lowest;
    ctx.send(r.to, page(s, mail, more ? lowest : 1, r.upTo, more, frames));
  } else {
    const more = highest < r.upTo;
    ctx.send(r.to, page(s, mail, r.from, highest, more, frames));
  }
}

export function onInfo(ctx: Ctx, s: ChatState, mail: InfoMail): Next {
  const to = ctx.sender;
  const denied = s.members.isPresent(mail.user) ? null : 'not_member';
  if (!to || denied) {
    fault(ctx, s, to, mail.ref, null, 'not_member', 0, 'you are not a member');
    return CONTINUE;
  }
  const here = [...s.members.all.values()]
    .filter((m) => s.members.isPresent(m.user))
    .sort((a, b) => (a.user < b.user ? -1 : 1));
  const after = mail.after;
  const rest = after === null ? here : here.filter((m) => m.user > after);
  const shown = rest.slice(0, LIMITS.membersPerChangeMax);
  ctx.send(to, {
    t: 'info',
    ref: mail.ref,
    chat: s.chat,
    kind: s.members.kind,
    title: s.members.title,
    head: s.log.durable,
    count: here.length,
    members: shown.map((m) => ({ user: m.user, role: m.role, delivered: m.delivered, read: m.read })),
    next: rest.length > shown.length ? (shown[shown.length - 1]?.user ?? null) : null,
  });
  return CONTINUE;
}

export function onSummary(ctx: Ctx, s: ChatState, mail: SummaryMail): Next {
  const m = s.members.all.get(mail.user);
  ctx.answer(m ? summaryOf(s, m) : null);
  return CONTINUE;
}

function summaryOf(s: ChatState, m: Member): ChatSummary {
  const peer = s.members.kind === CHAT_KIND.direct ? [...s.members.all.keys()].find((u) => u !== m.user) : undefined;
  return {
    chat: s.chat,
    kind: s.members.kind,
    title: s.members.title,
    peer: peer ?? null,
    first: m.spans[0]?.from ?? 1,
    head: s.members.lastFor(m, s.log.durable),
    delivered: m.delivered,
    read: m.read,
    role: m.role,
  };
}

/** Never queued, never waking anybody; large rooms do without. */
export function onTyping(ctx: Ctx, s: ChatState, mail: TypingMail): Next {
  if (!s.members.isPresent(mail.user) || s.members.present > TYPING_MEMBERS_MAX) return CONTINUE;
  if (s.members.kind === CHAT_KIND.direct && s.blockers.size > 0) return CONTINUE;
  ctx.hint('session', s.members.others(mail.user), { t: 'typingState', chat: s.chat, user: mail.user, on: mail.on });
  return CONTINUE;
}

export function onBlock(ctx: Ctx, s: ChatState, mail: BlockMail): Next {
  const before = s.blockers.has(mail.user);
  // As it is already, and stored: nothing to write. Else blocks of any name would each leave a row.
  if (before === mail.on && s.blocking.size === 0) {
    ctx.send(mail.replyTo, { t: 'done', ref: mail.ref, value: null });
    return CONTINUE;
  }
  if (mail.on) s.blockers.add(mail.user);
  else s.blockers.delete(mail.user);
  const asked = token(s);
  if (!ctx.tell(s.writer, { t: 'write', token: asked, partition: s.chat, writes: [snapshotWrite(s)] })) {
    if (before) s.blockers.add(mail.user);
    else s.blockers.delete(mail.user);
    fault(ctx, s, mail.replyTo, mail.ref, null, 'unavailable', spread(ctx, 1_000), 'the store takes nothing now');
    return CONTINUE;
  }
  snapshotTaken(s);
  s.blocking.set(asked, { ref: mail.ref, to: mail.replyTo });
  return CONTINUE;
}
