// Metrics: what parts count is what a scrape shows, and a second scrape shows the same.
import { expect, test } from 'vitest';
import type { KindStats } from '../runtime/index.ts';
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

test('before a node has its parts, a scrape is empty of them and no error', async () => {
  const text = await createMetrics('n1').render();
  expect(text).toContain('# TYPE parley_connections gauge');
  expect(text).toContain('process_cpu_seconds_total');
});
