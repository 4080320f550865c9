// Metrics: what parts count is what a scrape shows, and a second scrape shows the same.
import { expect, test } from 'vitest';
import { type NodeId, RouterCounters } from '../cluster/index.ts';
import type { KindStats } from '../runtime/index.ts';
import type { ClusterView } from './cluster.ts';
import { createMetrics, type MetricSources } from './metrics.ts';

const kind: KindStats = {
  kind: 'chat',
  cells: 3,
  spawned: 4,
  mails: 70,
  timeMs: 1_500,
  overruns: 1,
  crashes: 2,
  restarts: 2,
  hibernations: 0,
  parked: 1,
  hintsMissed: 0,
  refused: { mailboxFull: 5 },
  shed: { receipt: 0, presence: 6, typing: 7 },
};
const sources = {
  kernel: {
    kindStats: () => [kind],
    stats: () => ({
      node: 'n1',
      upMs: 1,
      cells: 3,
      runQueue: 9,
      timers: 0,
      calls: 0,
      lanesLent: 2,
      slices: 11,
      overruns: 0,
      overrunsUnblamed: 0,
    }),
    deadLetters: () => ({ total: 8, counts: [{ kind: 'session', reason: 'noproc', count: 8 }], samples: [] }),
  },
  pressure: { level: 2, sample: { delayP99Ms: 120, heapShare: 0.4 }, stop: () => {} },
} satisfies MetricSources;

const carried = Object.assign(new RouterCounters(), { routesOut: 2, keysOut: 1_000, notOwnerIn: 3 });
const view: ClusterView = {
  self: 'n1#a' as NodeId,
  epoch: 42,
  members: ['n1#a', 'n2#b', 'n3#c'] as NodeId[],
  alive: ['n1#a', 'n2#b'] as NodeId[],
  holdsLease: true,
  shards: { open: 341, waiting: 4, sealing: 1, held: 6, taken: 345, moved: 3, remainder: 8 },
  links: {
    ...{ batchesOut: 5, mailsOut: 700, bytesOut: 9_000, batchesIn: 1, mailsIn: 2, bytesIn: 3, acksOut: 0 },
    batchMails: [2, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1],
    ...{ resends: 0, repeated: 0, ahead: 0, stalls: 0, busy: 7, noConnection: 9, broken: 1, resetsOut: 0 },
    ...{ unreadable: 0, faults: 0 },
    links: [{ node: 'n2#b' as NodeId, phase: 'open', version: 1, mails: 12, bytes: 900 }],
  },
  router: { ...carried, foreignRefs: 5, watches: 6 },
};
const database = { inFlight: 1, waiting: 0, broken: true, sent: 10, failed: 4, refused: 2 };

test('a scrape shows what the parts count, and a second one does not add up', async () => {
  const metrics = createMetrics('n1', { processMetrics: false });
  metrics.watch(sources);
  metrics.counters.count('refused', 'rate_limited');
  metrics.counters.count('refused', 'rate_limited');
  await metrics.render();
  const text = await metrics.render();
  for (const line of [
    'parley_cells{kind="chat",node="n1"} 3',
    'parley_mails_total{kind="chat",node="n1"} 70',
    'parley_restarts_total{kind="chat",node="n1"} 2',
    'parley_mailbox_refused_total{kind="chat",reason="mailboxFull",node="n1"} 5',
    'parley_mailbox_shed_total{kind="chat",class="typing",node="n1"} 7',
    'parley_dead_letters_total{kind="session",reason="noproc",node="n1"} 8',
    'parley_pressure_level{node="n1"} 2',
    'parley_event_loop_delay_p99_seconds{node="n1"} 0.12',
    'parley_refused_total{code="rate_limited",node="n1"} 2',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test('batches are counted by size and by why they were flushed, commits by latency', async () => {
  const metrics = createMetrics('n1', { processMetrics: false });
  const observer = metrics.writerObserver('w0');
  observer.flushed('age', 2, 37, 4_000);
  observer.flushed('size', 2, 64, 9_000);
  observer.committed(3.8, 1);
  observer.failed('unknown');
  const text = await metrics.render();
  expect(text).toContain('parley_batch_flushes_total{writer="w0",reason="age",node="n1"} 1');
  expect(text).toContain('parley_batch_writes_sum{node="n1",writer="w0"} 101');
  expect(text).toContain('parley_batch_bytes_total{writer="w0",node="n1"} 13000');
  expect(text).toContain('parley_store_commit_seconds_count{node="n1",writer="w0"} 1');
  expect(text).toContain('parley_store_faults_total{writer="w0",fault="unknown",node="n1"} 1');
});

test('a node of a cluster shows its ring, its shards, its links and its database', async () => {
  const metrics = createMetrics('n1', { processMetrics: false });
  metrics.watch({ cluster: { view: () => view }, database: { stats: { writes: database, reads: database } } });
  await metrics.render();
  const lines = (await metrics.render()).split('\n');
  for (const line of [
    'parley_cluster_epoch{node="n1"} 42',
    'parley_cluster_members{node="n1"} 3',
    'parley_cluster_alive{node="n1"} 2',
    'parley_cluster_lease{node="n1"} 1',
    'parley_shards{phase="waiting",node="n1"} 4',
    'parley_shards_taken_total{node="n1"} 345',
    'parley_held_mails{node="n1"} 6',
    'parley_remainder_mails_total{node="n1"} 8',
    'parley_link_phase{peer="n2#b",phase="open",node="n1"} 1',
    'parley_link_queued_bytes{peer="n2#b",node="n1"} 900',
    'parley_link_batches_total{direction="out",node="n1"} 5',
    'parley_link_refused_total{reason="noconnection",node="n1"} 9',
    'parley_link_batch_mails_bucket{le="1",node="n1"} 2',
    'parley_link_batch_mails_bucket{le="4",node="n1"} 3',
    'parley_link_batch_mails_bucket{le="512",node="n1"} 4',
    'parley_link_batch_mails_bucket{le="+Inf",node="n1"} 5',
    'parley_link_batch_mails_sum{node="n1"} 700',
    'parley_link_batch_mails_count{node="n1"} 5',
    'parley_router_out_total{what="keys",node="n1"} 1000',
    'parley_router_not_owner_total{direction="in",node="n1"} 3',
    'parley_database_up{op="write",node="n1"} 0',
    'parley_database_refused_total{op="read",node="n1"} 2',
  ]) {
    expect(lines).toContain(line);
  }
});

test('a node alone says nothing of a cluster: not even that it has no lease', async () => {
  const text = await createMetrics('n1', { processMetrics: false }).render();
  expect(text).toContain('# TYPE parley_cluster_lease gauge');
  expect(text).toContain('# TYPE parley_link_batch_mails histogram');
  expect(text).not.toMatch(/^parley_(?:cluster|shards|link|router|database)/m);
});

test('before a node has its parts, a scrape is empty of them and no error', async () => {
  const text = await createMetrics('n1').render();
  expect(text).toContain('# TYPE parley_connections gauge');
  expect(text).toContain('process_cpu_seconds_total');
});
