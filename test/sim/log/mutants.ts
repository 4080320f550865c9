// Bugs to be planted in the fenced log and its owners: each rule broken, as far as a change of the code can break it. The model has to find
// each. `level` is the model that is to find it.
import type { Change } from './plant.ts';

export interface LogMutant {
  readonly name: string;
  readonly level: 'cells' | 'logs';
  readonly changes: readonly Change[];
}

const one = (name: string, level: 'cells' | 'logs', file: string, find: string, replace: string): LogMutant => ({
  name,
  level,
  changes: [{ file, find, replace }],
});

export const LOG_MUTANTS: readonly LogMutant[] = [
  one(
    'no lease check after the write',
    'cells',
    'actors/chat.ts',
    '      if (!s.deps.holds(s.shard, s.fence)) return LOST;\n',
    '',
  ),
  {
    name: 'lease checked only before the write',
    level: 'cells',
    changes: [
      {
        file: 'actors/chat.ts',
        find: '      if (!s.deps.holds(s.shard, s.fence)) return LOST;\n',
        replace: '',
      },
      {
        file: 'actors/chat.ts',
        find: `      if (s.phase !== 'open') return refuseBroken(ctx, s, mail);`,
        replace: `      if (!s.deps.holds(s.shard, s.fence)) return LOST;
      if (s.phase !== 'open') return refuseBroken(ctx, s, mail);`,
      },
    ],
  },
  one(
    'trusting the index',
    'cells',
    'actors/chat-post.ts',
    '  if (same) answerKnown',
    `  if (same || stored === null) answerKnown(ctx, s, to, null, draft.id, n, 0);
  else if (f?.op === OP.RECEIVE_MESSAGE) answerKnown`,
  ),
  one(
    'no index',
    'cells',
    'actors/chat-post.ts',
    '  if (mail.retry && s.members.all.has(mail.user)) return askIndex(ctx, s, to, draft, mail.after);',
    '',
  ),
  one(
    'memory of ids not filled from the tail',
    'cells',
    'actors/chat-open.ts',
    '    s.log.remember(f.sender, f.device, f.id, { n: stored.n, ts: f.ts });\n',
    '',
  ),
  one('chat not marked', 'cells', 'actors/chat-post.ts', '  if (!s.marked)', '  if (s.log.head < 0)'),
  one('chat marked by the first owner only', 'cells', 'actors/chat-post.ts', '  if (!s.marked)', '  if (!s.dirty)'),
  one(
    'acked before it is written',
    'cells',
    'actors/chat-post.ts',
    '  const waiters: Waiter[] = to === null ? [] : [{ to, ref: draft.ref }];',
    `  const waiters: Waiter[] = to === null || draft.ref === null ? [] : [{ to, ref: draft.ref }];
  if (to !== null && draft.ref === null) ctx.send(to, { t: 'posted', chat: s.chat, id: draft.id, seq: n, ts });`,
  ),
  one(
    'record not written with the first entry',
    'cells',
    'storage/fenced-log.ts',
    '  return record.owed || durable - record.head >= RECORD_EVERY;',
    '  return durable - record.head >= RECORD_EVERY;',
  ),
  one(
    'highest fence wins',
    'logs',
    'storage/log-record.ts',
    '  return rows.filter((row) => fenceAt(starts, row.n) === row.fence);',
    `  const top = new Map<number, number>();
  for (const row of rows) top.set(row.n, Math.max(row.fence, top.get(row.n) ?? 0));
  return starts.length < 0 ? [] : rows.filter((row) => top.get(row.n) === row.fence);`,
  ),
  {
    name: 'records merged, not the newest whole',
    level: 'logs',
    changes: [
      {
        file: 'storage/testing/landing-store.ts',
        find: `      if (write.table === 'log' && before?.stamp === write.stamp)`,
        replace: `      if (write.table === 'log' && before?.bytes && bytes) {
        const [a, b] = [decodeRecord(before.bytes), decodeRecord(bytes)];
        const kept = a.starts.filter(([fence]) => !b.starts.some(([other]) => other === fence));
        const starts = [...kept, ...b.starts].sort((x, y) => x[0] - y[0]);
        const merged = { fence: Math.max(a.fence, b.fence), starts, head: Math.max(a.head, b.head) };
        rows.set(write.key, { stamp: Math.max(before.stamp, write.stamp), bytes: encodeRecord(merged) });
        return;
      }
      if (write.table === 'log' && before?.stamp === write.stamp)`,
      },
      {
        file: 'storage/testing/landing-store.ts',
        find: `import { StoreError } from '../store.ts';`,
        replace: `import { decodeRecord, encodeRecord } from '../log-record.ts';
import { StoreError } from '../store.ts';`,
      },
    ],
  },
  one(
    'segments beyond the end not dropped',
    'logs',
    'storage/log-record.ts',
    '  const kept = record.starts.filter(([, first]) => first <= end);',
    '  const kept = record.starts.filter(([, first]) => first <= end + 1_000);',
  ),
  one(
    'serving before the opening is durable',
    'logs',
    'storage/fenced-log.ts',
    '  await commit([recordWrite(log, record), ...again(log, before, adopted, fence, indexOf)]);',
    '  void commit([recordWrite(log, record), ...again(log, before, adopted, fence, indexOf)]).catch(() => {});',
  ),
  one(
    'record not written on opening',
    'logs',
    'storage/fenced-log.ts',
    '  await commit([recordWrite(log, record), ...again',
    '  await commit([...again',
  ),
  one(
    'index not completed on opening',
    'logs',
    'storage/fenced-log.ts',
    '    if (index !== null) writes.push(index);',
    '    if (index === undefined) writes.push(index);',
  ),
  one(
    'adopted rows not written again',
    'logs',
    'storage/fenced-log.ts',
    `    writes.push({ t: 'entry', log, n: entry.n, fence: entry.fence, bytes: entry.bytes });`,
    '',
  ),
  one(
    'head stored beyond what is durable',
    'logs',
    'storage/fenced-log.ts',
    'head: Math.max(record.head, head), stamp',
    'head: Math.max(record.head, head) + 1, stamp',
  ),
  one(
    'tail read beyond a hole',
    'logs',
    'storage/fenced-log.ts',
    '      if (entry.n !== last + 1 && !expired) return tail;',
    '      if (entry.n !== last + 1 && !expired && last < 0) return tail;',
  ),
  one(
    'released out of order',
    'logs',
    'actors/chat-log.ts',
    '    while (this.pending[count]?.done) count++;',
    `    if (at) count = this.pending.indexOf(at) + 1;`,
  ),
  {
    name: 'an opening that failed is begun anew',
    level: 'logs',
    changes: [
      {
        file: 'storage/log-opener.ts',
        find: '        if (this.givesUp(env.now())) throw error;',
        replace: '        throw error;',
      },
    ],
  },
  one(
    'openings of one log side by side',
    'logs',
    'storage/log-opener.ts',
    '    if (known === undefined) {',
    '    if (known === undefined || known !== null) {',
  ),
];
