// Bugs to be planted where several nodes are one cluster, as mutants.ts has them for one node. Some need more than one place to be
// changed: what is checked twice is not missed once. Those of the fenced log are in log/mutants.ts.
import type { Mutant } from './mutants.ts';

const NO_LOOK_AT_THE_LEASE = {
  file: 'app/cluster.ts',
  find: `      if (!member.holdsLease(env.now()) && !shards.isEmpty) shards.drop();`,
  replace: ``,
};

export const FLEET_MUTANTS: readonly Mutant[] = [
  {
    name: 'no fence: whoever had a shard holds it for ever',
    file: 'cluster/shards.ts',
    find: `    return this.table.fence(shard) === fence && this.options.holdsLease(this.options.env.now());`,
    replace: `    return shard >= 0 && fence > 0;`,
    more: [
      NO_LOOK_AT_THE_LEASE,
      {
        file: 'app/cluster.ts',
        find: `          this.shards.drop();
          events.nodesDown(null);`,
        replace: ``,
      },
    ],
  },
  {
    name: 'a lease counts from the answer',
    by: 'membership',
    file: 'cluster/member.ts',
    find: `    this.feed({ t: 'renewed', id, sentAt });`,
    replace: `    this.feed({ t: 'renewed', id, sentAt: Math.max(sentAt, this.env.now()) });`,
  },
  {
    name: 'put instead of create for rings',
    by: 'membership',
    file: 'cluster/member.ts',
    find: `      outcome = await this.options.coordination.create(ringKey(ring.epoch), encodeRing(ring, this.self));`,
    replace: `      await this.options.coordination.put(ringKey(ring.epoch), encodeRing(ring, this.self));
      outcome = 'won';`,
  },
  {
    name: 'dirty list skipped at a takeover',
    file: 'app/node.ts',
    find: `(shard) => wake([shard])`,
    replace: `() => {}`,
  },
  {
    name: 'the rest of the mailboxes dropped',
    moves: true,
    file: 'cluster/shards.ts',
    find: `for (const mail of kernel.handOff(cell)) rest.push(this.heldOf(cell, mail));`,
    replace: `for (const mail of kernel.handOff(cell)) if (mail.call < 0) rest.push(this.heldOf(cell, mail));`,
  },
  {
    name: 'what was held for a shard dropped when it opens',
    moves: true,
    file: 'cluster/shards.ts',
    find: `    for (const mail of this.held.take(shard)) this.deliver(mail);`,
    replace: `    this.held.take(shard);`,
  },
  {
    name: 'dedupe not moved',
    file: 'actors/chat-post.ts',
    find: `    else if (found <= s.log.durable) checkStored(ctx, s, to, draft, after, found);`,
    replace: `    else if (found < 0) checkStored(ctx, s, to, draft, after, found);`,
    more: [
      {
        file: 'actors/chat-open.ts',
        find: `    s.log.remember(f.sender, f.device, f.id, { n: stored.n, ts: f.ts });`,
        replace: ``,
      },
    ],
  },
  {
    name: 'surely dead too early',
    file: 'cluster/membership-limits.ts',
    find: `export const SILENCE_MS = LEASE_SEEN_MS + MARGIN_MS;`,
    replace: `export const SILENCE_MS = 2_600;`,
  },
  {
    name: 'released before the sealing is done',
    file: 'cluster/shards.ts',
    find: `this.table.phase(shard) === 'elsewhere');
    if (free`,
    replace: `this.table.phase(shard) !== 'open');
    if (free`,
  },
  {
    name: 'a claim that waits for nobody',
    file: 'cluster/shard-table.ts',
    find: `    for (const owner of owners) if (owner !== null && owner !== self) before.add(owner);`,
    replace: ``,
    more: [
      {
        file: 'cluster/shard-table.ts',
        find: `    if (node !== null && node !== self) claim?.before.add(node);`,
        replace: ``,
      },
    ],
  },
  {
    name: 'the owner that the database names not waited for',
    by: 'churn',
    file: 'cluster/shards.ts',
    find: `        if (owner !== '') this.table.mayOwn(shard, owner as NodeId, self);`,
    replace: `        if (owner === '') this.table.mayOwn(shard, owner as NodeId, self);`,
  },
  {
    name: 'a stranger under our hands not waited for',
    by: 'churn',
    file: 'cluster/shards.ts',
    find: `      if (fence !== before + 1) this.beware(shard, fence);`,
    replace: `      if (fence <= before) this.beware(shard, fence);`,
  },
  {
    name: 'stale epoch accepted',
    by: 'membership',
    file: 'cluster/membership-state.ts',
    find: `    if (ring.epoch <= this.epoch) return;`,
    replace: `    if (ring.epoch === this.epoch) return;`,
    more: [
      {
        file: 'cluster/shard-table.ts',
        find: `    if (this.ring !== null && ring.epoch <= this.ring.epoch) throw`,
        replace: `    if (this.ring !== null && ring.epoch === this.ring.epoch) throw`,
      },
    ],
  },
  {
    name: 'no newer ring looked for after a renewal',
    by: 'membership',
    file: 'cluster/member.ts',
    find: `    for (let epoch = this.epoch + 1; await this.fetch(epoch); epoch = Math.max(epoch, this.epoch) + 1);`,
    replace: ``,
  },
  {
    name: 'forwarded mail without end',
    file: 'cluster/router-inbound.ts',
    find: `    if (hops >= HOPS_MAX) {`,
    replace: `    if (hops >= 1_000) {`,
  },
  {
    name: 'a repeated batch handed over again',
    file: 'cluster/link-state.ts',
    find: `    if (sequence <= this.acked) return 'repeated';`,
    replace: `    if (sequence <= this.acked) {
      this.acked--;
      return 'next';
    }`,
  },
  {
    name: 'a batch that came ahead handed over',
    file: 'cluster/link-state.ts',
    find: `    if (sequence === this.acked + 1) return 'next';`,
    replace: `    if (sequence > this.acked) {
      this.acked = sequence - 1;
      return 'next';
    }`,
  },
  {
    name: 'mail of a broken link lost in silence',
    by: 'mail',
    file: 'cluster/router.ts',
    find: `    this.inbound.lost(lost);`,
    replace: ``,
  },
  {
    name: 'monitors not fired when a node is down',
    file: 'cluster/router.ts',
    find: `    this.inbound.unwatch(node);
    this.kernel.nodeDown(node);
  };`,
    replace: `    this.inbound.unwatch(node);
  };`,
    more: [
      {
        file: 'cluster/router.ts',
        find: `    this.inbound.unwatch(node);
    this.kernel.nodeDown(node);
  }

`,
        replace: `    this.inbound.unwatch(node);
  }

`,
      },
    ],
  },
  {
    name: 'rows of every fence count',
    file: 'storage/log-record.ts',
    find: `  return rows.filter((row) => fenceAt(starts, row.n) === row.fence);`,
    replace: `  return rows.filter((row, at) => starts.length >= 0 && rows[at - 1]?.n !== row.n);`,
    more: [
      {
        file: 'storage/fenced-log.ts',
        find: `    if (fenceAt(before.starts, entry.n) !== entry.fence)`,
        replace: `    if (fenceAt(before.starts, entry.n) < 0)`,
      },
    ],
  },
  {
    name: 'handed over without waiting for what is under way',
    moves: true,
    file: 'cluster/shards.ts',
    find: `(left.get(shard) ?? []).every((cell) => kernel.isQuiet(cell))`,
    replace: `(left.get(shard) ?? []).length >= 0`,
  },
];
