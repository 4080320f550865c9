// Bugs to be planted, each of which the simulation has to find: a test of the test. `find` is exact source text that occurs once in
// `file`; `replace` takes its place. Text that moved is a fault of this list, and told as one.
import type { ModelName } from '../../cluster/testing/index.ts';

export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}
export interface Mutant extends Edit {
  readonly name: string;
  /** What has to be changed with it. */
  readonly more?: readonly Edit[];
  /** Looked for where nodes come and go: what it does hides behind other faults. */
  readonly moves?: boolean;
  /** Hunted by this model, which is harder on that part than whole nodes are. */
  readonly by?: ModelName;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'ack before flush',
    file: 'actors/chat-post.ts',
    find: `  const waiters: Waiter[] = to === null ? [] : [{ to, ref: draft.ref }];`,
    replace: `  const waiters: Waiter[] = [];
  if (to !== null && draft.ref === null) ctx.send(to, { t: 'posted', chat: s.chat, id: draft.id, seq: n, ts });
  else if (to !== null) waiters.push({ to, ref: draft.ref });`,
  },
  {
    name: 'no dedupe of what is under way',
    file: 'actors/chat-log.ts',
    find: `  find(sender: string, device: string, id: string): Known | undefined {
    return this.recentOf(sender, device, id);`,
    replace: `  find(sender: string, device: string, id: string): Known | undefined {
    const known = this.recentOf(sender, device, id);
    return known !== undefined && known.n <= this.durable ? known : undefined;`,
  },
  {
    name: 'no dedupe by the index',
    file: 'actors/chat-post.ts',
    find: `  if (mail.retry && s.members.all.has(mail.user)) return askIndex(ctx, s, to, draft, mail.after);`,
    replace: ``,
  },
  {
    name: 'cursor that goes back',
    file: 'actors/chat-deliver.ts',
    find: `  if (delivered > m.delivered) {`,
    replace: `  if (delivered !== m.delivered) {`,
  },
  {
    name: 'settled for devices that are away',
    file: 'actors/session-settle.ts',
    find: `    if (isOwn(s, d, entry)) continue;`,
    replace: `    if (d.conn === null || isOwn(s, d, entry)) continue;`,
  },
  {
    name: 'settled before the inbox has it',
    file: 'actors/session-settle.ts',
    find: `    if (!(item.done || (`,
    replace: `    if (!(item.queued || (`,
  },
  {
    name: 'dirty mark skipped',
    file: 'actors/chat-post.ts',
    find: `  if (!s.marked)`,
    replace: `  if (s.log.head < 0)`,
  },
  {
    name: 'system lane after user lane',
    file: 'runtime/scheduler.ts',
    find: `        if (system !== null && system.count > 0) {
          next`,
    replace: `        if (system !== null && system.count > 0 && (cell.user === null || cell.user.count === 0)) {
          next`,
  },
  {
    name: 'mail to a cell that waits for its state',
    file: 'runtime/scheduler.ts',
    find: `user.count === 0 || (cell.flags & WAITS) !== 0) break;`,
    replace: `user.count === 0) break;`,
  },
  {
    name: 'outbox reordered on reconnect',
    file: 'client/core/outbox-state.ts',
    find: `      for (const item of lane.items) item.open = 0;`,
    replace: `      for (const item of lane.items) item.open = 0;
      lane.items.reverse();`,
  },
  {
    name: 'resume that hides a gap',
    file: 'actors/session-devices.ts',
    find: `  if (from > head) return;`,
    replace: `  if (from >= head) return;`,
  },
  {
    name: 'join that shows what was before',
    file: 'actors/members.ts',
    find: `this.all.set(user, { user, role, spans: [{ from: n, to: 0 }]`,
    replace: `this.all.set(user, { user, role, spans: [{ from: 1, to: 0 }]`,
  },
  {
    name: 'crash that tells no monitor',
    file: 'runtime/bonds.ts',
    find: `    for (let monitor = bonds.watchers; monitor !== null; monitor = monitor.next) this.fire(monitor, reason);`,
    replace: ``,
  },
  {
    name: 'no fence',
    file: 'storage/memory/memory-store.ts',
    find: `    if (this.fence !== this.disk.fence) throw new StoreError('fenced', \`\${this.disk.owner} has taken over\`);`,
    replace: ``,
  },
  {
    name: 'order not kept over refusals',
    file: 'actors/chat-post.ts',
    find: `  if (after !== null && !s.log.find(draft.user, draft.device, after)) {`,
    replace: `  if (after === '') {`,
  },
  {
    name: 'device acks what it has not flushed',
    file: 'client/core/acker.ts',
    find: `      () => this.#store.flush(),`,
    replace: `      () => {},`,
  },
  {
    name: 'message sent before the outbox is flushed',
    file: 'client/core/sender.ts',
    find: `      () => this.#o.store.flush(),
      () => done(null),`,
    replace: `      () => {},
      () => done(null),`,
  },
  {
    name: 'no nudge',
    file: 'actors/chat-deliver.ts',
    find: `    ctx.route('session', m.user, { t: 'nudge'`,
    replace: `    if (owing < 0) ctx.route('session', m.user, { t: 'nudge'`,
  },
  {
    name: 'window never reopens',
    file: 'actors/session-deliver.ts',
    find: `      d.flightBytes -= f.bytes;`,
    replace: `      d.flightBytes += f.bytes;`,
  },
  {
    name: 'unknown outcome taken for failure',
    file: 'storage/writer.ts',
    find: `        if (fault === 'fenced') return 'fenced';`,
    replace: `        if (fault === 'fenced') return 'fenced';
        if (fault === 'unknown') return 'stored';`,
  },
  {
    name: 'those who left still get messages',
    file: 'actors/members.ts',
    find: `    span.to = n;`,
    replace: `    span.to = 0;`,
  },
  {
    name: 'delivered by what was told, not had',
    file: 'actors/session-feed.ts',
    find: `    } else if ((d.has?.get(row.chat) ?? 0) >= row.n) {`,
    replace: `    } else {`,
  },
  {
    name: 'a wait that ends between two looks at the clock',
    file: 'client/core/sender.ts',
    find: `    const due = idle ? null : this.#outbox.dueAt(now);`,
    replace: `    now = env.now();
    const due = idle ? null : this.#outbox.dueAt(now);`,
  },
];
