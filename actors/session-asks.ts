// What a user asks of the own session: the chat list, read cursors, blocks, privacy; and what chats send for the user's devices.
import { directChatId, type ErrorCode, encodeFrame, OP } from '../protocol/index.ts';
import { CONTINUE, type Ctx, type Next, type Ref } from '../runtime/index.ts';
import type {
  ChatSummary,
  CountsMail,
  ListChatsMail,
  ReadMail,
  ReceiptMail,
  SetBlockMail,
  SetPrivacyMail,
  TypingStateMail,
} from './mail.ts';
import { decodeUserChat } from './rows.ts';
import { readChats } from './session-chats.ts';
import { SUMMARY_DEADLINE_MS } from './session-devices.ts';
import { dropWatchers, PRIVACY, rowOf, saveUser, sayPresence } from './session-presence.ts';
import { pushFrames } from './session-push.ts';
import { type SessionState, WAITS_MAX, wait } from './session-state.ts';

export const BLOCKED_MAX = 1_000;

function fault(ctx: Ctx, to: Ref, ref: number, code: ErrorCode, about: string): Next {
  ctx.send(to, {
    t: 'fault',
    ref,
    chat: null,
    id: null,
    code,
    afterMs: Math.ceil(500 + 500 * ctx.env.random()),
    about,
  });
  return CONTINUE;
}

export function onListChats(ctx: Ctx, s: SessionState, mail: ListChatsMail): Next {
  const to = ctx.sender;
  if (!to) return CONTINUE;
  if ((s.waits?.size ?? 0) >= WAITS_MAX) return fault(ctx, to, mail.ref, 'overloaded', 'too many requests at once');
  const limit = Math.max(1, mail.limit);
  const token = wait(s, {
    for: 'rows',
    done: (rows) => {
      if (rows === null) return void fault(ctx, to, mail.ref, 'unavailable', 'the store did not answer');
      const next = rows.length > limit ? (rows[limit - 1]?.key ?? null) : null;
      const present = rows.slice(0, limit).filter((r) => decodeUserChat(r.bytes) === 0);
      gather(
        ctx,
        s,
        to,
        mail.ref,
        present.map((r) => r.key),
        next,
      );
    },
  });
  if (readChats(ctx, s, token, mail.after ?? '', limit + 1)) return CONTINUE;
  s.waits?.delete(token);
  return fault(ctx, to, mail.ref, 'overloaded', 'the store is busy');
}

function gather(ctx: Ctx, s: SessionState, to: Ref, ref: number, chats: readonly string[], next: string | null): void {
  const found = new Map<string, ChatSummary>();
  let open = chats.length;
  let failed = false;
  const finish = (): void => {
    if (failed) return void fault(ctx, to, ref, 'unavailable', 'a chat did not answer');
    const list = chats.flatMap((c) => found.get(c) ?? []).map(({ first: _first, ...line }) => line);
    ctx.send(to, { t: 'reply', ref, frame: encodeFrame({ op: OP.CHATS, ref, chats: list, next }) });
  };
  if (open === 0) return finish();
  for (const chat of chats) {
    const done = (value: unknown, ok: boolean): void => {
      if (!ok) failed = true;
      else if (value !== null) found.set(chat, value as ChatSummary);
      if (--open === 0) finish();
    };
    ctx.call('chat', chat, { t: 'summary', user: s.user }, SUMMARY_DEADLINE_MS, wait(s, { for: 'summary', done }));
  }
}

export function onRead(ctx: Ctx, s: SessionState, mail: ReadMail): Next {
  ctx.route('chat', mail.chat, { t: 'readTo', user: s.user, seq: mail.seq });
  return CONTINUE;
}

/** The user's own row first, for presence; then the chat's, which refuses messages and answers. */
export function onSetBlock(ctx: Ctx, s: SessionState, mail: SetBlockMail): Next {
  const to = ctx.sender;
  if (!to) return CONTINUE;
  if (mail.user === s.user) return fault(ctx, to, mail.ref, 'bad_argument', 'one cannot block oneself');
  const row = rowOf(s);
  const others = row.blocked.filter((u) => u !== mail.user);
  if (mail.on && others.length >= BLOCKED_MAX)
    return fault(ctx, to, mail.ref, 'too_large', `at most ${BLOCKED_MAX} users can be blocked`);
  row.blocked = mail.on ? [...others, mail.user] : others;
  const token = wait(s, { for: 'block', to, ref: mail.ref, user: mail.user, on: mail.on });
  if (!saveUser(ctx, s, token)) {
    s.waits?.delete(token);
    return fault(ctx, to, mail.ref, 'unavailable', 'the store takes nothing now');
  }
  sayPresence(ctx, s);
  if (mail.on && s.watchers?.delete(mail.user))
    ctx.hint('session', [mail.user], { t: 'presence', user: s.user, online: false, lastSeen: null });
  return CONTINUE;
}

export function onBlockStored(ctx: Ctx, s: SessionState, w: { to: Ref; ref: number; user: string; on: boolean }): void {
  const chat = directChatId(s.user, w.user);
  ctx.route('chat', chat, { t: 'block', user: s.user, on: w.on, ref: w.ref, replyTo: w.to });
}

export function onSetPrivacy(ctx: Ctx, s: SessionState, mail: SetPrivacyMail): Next {
  const to = ctx.sender;
  if (!to) return CONTINUE;
  const row = rowOf(s);
  const stricter = mail.presence > row.presence;
  row.presence = Math.min(mail.presence, PRIVACY.nobody);
  const token = wait(s, { for: 'reply', to, ref: mail.ref });
  if (!saveUser(ctx, s, token)) {
    s.waits?.delete(token);
    return fault(ctx, to, mail.ref, 'unavailable', 'the store takes nothing now');
  }
  sayPresence(ctx, s);
  if (stricter) dropWatchers(ctx, s);
  return CONTINUE;
}

function toAll(ctx: Ctx, s: SessionState, frame: Uint8Array): Next {
  for (const d of s.devices) if (d.mode !== 'greeting') pushFrames(ctx, d, [frame]);
  return CONTINUE;
}

export function onReceipt(ctx: Ctx, s: SessionState, mail: ReceiptMail): Next {
  return toAll(
    ctx,
    s,
    encodeFrame({ op: OP.RECEIPT, chat: mail.chat, user: mail.user, delivered: mail.delivered, read: mail.read }),
  );
}

export function onCounts(ctx: Ctx, s: SessionState, mail: CountsMail): Next {
  const { chat, seq, delivered, read, members } = mail;
  return toAll(ctx, s, encodeFrame({ op: OP.COUNTS, chat, seq, delivered, read, members }));
}

export function onTypingState(ctx: Ctx, s: SessionState, mail: TypingStateMail): Next {
  return toAll(ctx, s, encodeFrame({ op: OP.TYPING_STATE, chat: mail.chat, user: mail.user, on: mail.on }));
}
