// The messages of a connection that are under way. Whoever took one answers, unless it is lost with its node, or its answer is: then the
// connection says so in its place, since a sender must hear ack or refusal, never silence.
import { CONTINUE, type Ctx, type Next } from '../runtime/index.ts';
import { CONFIRM_DEADLINE_MS } from './chat-state.ts';
import { settleLeave, writeFault } from './connection-close.ts';
import type { ConnectionState, Post } from './connection-state.ts';
import { TICK } from './ticks.ts';

/** Messages that a connection may have under way; beyond it the client is told to wait. */
export const POSTING_MAX = 512;
/** A chat answers within its deadline; so much later, at the latest, the answer is here. */
export const ANSWER_MS = CONFIRM_DEADLINE_MS + 1_000;

export function took(ctx: Ctx, s: ConnectionState, chat: string, id: string): void {
  const post: Post = { chat, id, node: s.deps.ownerOf(chat), atMs: ctx.now() };
  // The list of a connection that has nothing under way is everybody's.
  if (s.posts.length === 0) s.posts = [post];
  else s.posts.push(post);
  if (s.postTimer === 0) s.postTimer = ctx.after(ANSWER_MS, TICK.late);
}

/** One that was given up meanwhile is not in the list any more; its client may hear both. */
export function answered(s: ConnectionState, chat: string, id: string): void {
  // Mostly the oldest.
  const at = s.posts.findIndex((post) => post.id === id && post.chat === chat);
  if (at >= 0) s.posts.splice(at, 1);
}

/** What has waited too long is told to be unknown: its client says it again, under the same id. */
export function onLate(ctx: Ctx, s: ConnectionState): Next {
  s.postTimer = 0;
  const before = ctx.now() - ANSWER_MS;
  for (let first = s.posts[0]; first !== undefined && first.atMs <= before; first = s.posts[0]) {
    s.posts.shift();
    giveUp(ctx, s, first, 'no answer from the chat');
  }
  const next = s.posts[0];
  if (next === undefined) return settleLeave(s);
  s.postTimer = ctx.after(Math.max(1, next.atMs - before), TICK.late);
  return CONTINUE;
}

/** What a dead node had taken need not be waited for: whoever owns the chat next is asked, and knows what was kept. */
export function onNodeDown(ctx: Ctx, s: ConnectionState, node: string): Next {
  const lost = s.posts.filter((post) => post.node === node);
  if (lost.length === 0) return CONTINUE;
  s.posts = s.posts.filter((post) => post.node !== node);
  for (const post of lost) giveUp(ctx, s, post, 'the node of the chat is dead');
  return settleLeave(s);
}

function giveUp(ctx: Ctx, s: ConnectionState, { chat, id }: Post, about: string): void {
  s.deps.counters.count('refused', 'unavailable');
  const afterMs = Math.ceil(500 * ctx.env.random());
  writeFault(s, { ref: null, chat, id, code: 'unavailable', afterMs, about });
}
