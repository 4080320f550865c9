// The messages and requests of a connection that are under way. Whoever took one answers, unless it is lost with its node, or its answer
// is: then the connection says so in its place, since a client must hear an answer or a refusal, never silence.
import { CONTINUE, type Ctx, type Next } from '../runtime/index.ts';
import { CONFIRM_DEADLINE_MS } from './chat-state.ts';
import { settleLeave, writeFault } from './connection-close.ts';
import type { ConnectionState, Pending } from './connection-state.ts';
import { TICK } from './ticks.ts';

/** What a connection may have under way; beyond it the client is told to wait. */
export const PENDING_MAX = 512;
/** A chat answers within its deadline; so much later, at the latest, the answer is here. */
export const ANSWER_MS = CONFIRM_DEADLINE_MS + 1_000;

export function tookPost(ctx: Ctx, s: ConnectionState, chat: string, id: string): void {
  took(ctx, s, { ref: null, chat, id, node: s.deps.ownerOf(chat), atMs: ctx.now() });
}

/** `chat` null: the session was asked. */
export function tookRequest(ctx: Ctx, s: ConnectionState, ref: number, chat: string | null): void {
  took(ctx, s, { ref, chat, id: null, node: chat === null ? null : s.deps.ownerOf(chat), atMs: ctx.now() });
}

function took(ctx: Ctx, s: ConnectionState, one: Pending): void {
  // The list of a connection that has nothing under way is everybody's.
  if (s.pending.length === 0) s.pending = [one];
  else s.pending.push(one);
  if (s.pendingTimer === 0) s.pendingTimer = ctx.after(ANSWER_MS, TICK.late);
}

/** One that was given up meanwhile is not in the list any more; its client may hear both. */
export function answered(s: ConnectionState, chat: string, id: string): void {
  // Mostly the oldest.
  const at = s.pending.findIndex((one) => one.id === id && one.chat === chat);
  if (at >= 0) s.pending.splice(at, 1);
}

export function replied(s: ConnectionState, ref: number | null): void {
  if (ref === null) return;
  const at = s.pending.findIndex((one) => one.ref === ref);
  if (at >= 0) s.pending.splice(at, 1);
}

/** What has waited too long is told to be unknown: its client says it again, under the same id. */
export function onLate(ctx: Ctx, s: ConnectionState): Next {
  s.pendingTimer = 0;
  const before = ctx.now() - ANSWER_MS;
  for (let first = s.pending[0]; first !== undefined && first.atMs <= before; first = s.pending[0]) {
    s.pending.shift();
    giveUp(ctx, s, first, 'no answer in time');
  }
  const next = s.pending[0];
  if (next === undefined) return settleLeave(s);
  s.pendingTimer = ctx.after(Math.max(1, next.atMs - before), TICK.late);
  return CONTINUE;
}

/**
 * The link to that node broke, or the node is dead: what it had taken, or its answer, may be lost. Whoever owns the chat next is asked,
 * and knows what was kept.
 */
export const onNodeDown = (ctx: Ctx, s: ConnectionState, node: string | null): Next =>
  node === null
    ? giveUpAll(ctx, s, () => true, 'this node is out of reach of the others')
    : giveUpAll(ctx, s, (one) => one.node === node, 'the node of the chat is out of reach');

export const onSessionDown = (ctx: Ctx, s: ConnectionState): Next =>
  giveUpAll(ctx, s, (one) => one.chat === null, 'your session is being found again');

function giveUpAll(ctx: Ctx, s: ConnectionState, isLost: (one: Pending) => boolean, about: string): Next {
  const lost = s.pending.filter(isLost);
  if (lost.length === 0) return CONTINUE;
  s.pending = s.pending.filter((one) => !isLost(one));
  for (const one of lost) giveUp(ctx, s, one, about);
  return settleLeave(s);
}

function giveUp(ctx: Ctx, s: ConnectionState, { ref, chat, id }: Pending, about: string): void {
  s.deps.counters.count('refused', 'unavailable');
  const afterMs = Math.ceil(500 * ctx.env.random());
  writeFault(s, { ref, chat, id, code: 'unavailable', afterMs, about });
}
