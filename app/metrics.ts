// Metrics at /metrics, in the format of Prometheus. Nearly all is pulled: parts count for themselves in plain numbers, and a scrape
// reads them, so that no hot path pays. What several nodes add is in metrics-cluster.ts. Started by server.ts.
import { Counter, collectDefaultMetrics, Histogram } from 'prom-client';
import type { Counters, PresenceCounts } from '../actors/index.ts';
import type { GatewayStats, PressureMonitor } from '../gateway/index.ts';
import type { DeadLetterReport, KernelStats, KindStats } from '../runtime/index.ts';
import { type ClusterSources, clusterMetrics } from './metrics-cluster.ts';
import { PulledMetrics, type Row, type Sample } from './metrics-registry.ts';

/** The kernel, as far as metrics look into it. */
export interface KernelView {
  stats(): KernelStats;
  kindStats(): KindStats[];
  deadLetters(): DeadLetterReport;
}
/** The presence store and the service before it. */
export interface PresenceView {
  up(): boolean;
  counts(): PresenceCounts | null;
}
/** What a presence store tells; fits PresenceObserver of cluster/. */
export interface StoreObserver {
  batch(op: string, users: number, latencyMs: number, outcome: string): void;
}
export interface MetricSources extends ClusterSources {
  readonly presence?: PresenceView;
  readonly kernel?: KernelView;
  readonly gateway?: { stats(): GatewayStats };
  readonly pressure?: PressureMonitor;
}
type CounterName = Parameters<Counters['count']>[0];
/** What a writer tells; fits WriterObserver of storage/. */
export interface BatchObserver {
  flushed(reason: string, mails: number, writes: number, bytes: number): void;
  committed(latencyMs: number, attempts: number): void;
  failed(fault: string): void;
}

export interface Metrics {
  readonly contentType: string;
  render(): Promise<string>;
  /** Counted by the actors: refusals by code, shed by class, messages. */
  readonly counters: Counters;
  /** For each persistence actor. */
  writerObserver(writer: string): BatchObserver;
  readonly presenceObserver: StoreObserver;
  /** Parts appear one by one as the node starts. */
  watch(sources: MetricSources): void;
}

export function createMetrics(node: string, options: { readonly processMetrics?: boolean } = {}): Metrics {
  const pulled = new PulledMetrics();
  const { registry } = pulled;
  registry.setDefaultLabels({ node });
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  const sources: { -readonly [K in keyof MetricSources]: MetricSources[K] } = {};
  const counted = new Map<CounterName, Map<string, number>>();

  pulled.rows(GATEWAY, [], () => (sources.gateway === undefined ? [] : [[sources.gateway.stats(), {}]]));
  pulled.rows(KERNEL, [], () => (sources.kernel === undefined ? [] : [[sources.kernel.stats(), {}]]));
  pulled.rows(PRESSURE, [], () => (sources.pressure === undefined ? [] : [[sources.pressure, {}]]));
  pulled.rows(KINDS, ['kind'], () => (sources.kernel?.kindStats() ?? []).map((kind) => [kind, { kind: kind.kind }]));

  pulled.total('parley_upgrades_refused_total', 'Sockets refused at the upgrade, by reason.', ['reason'], () =>
    Object.entries(sources.gateway?.stats().refused ?? {}).map(([reason, value]): Sample => [value, { reason }]),
  );
  pulled.total('parley_mailbox_refused_total', 'Mails refused, by kind and reason.', ['kind', 'reason'], () =>
    (sources.kernel?.kindStats() ?? []).flatMap((kind) =>
      Object.entries(kind.refused).map(([reason, value]): Sample => [value, { kind: kind.kind, reason }]),
    ),
  );
  pulled.total(
    'parley_mailbox_shed_total',
    'Mails shed from full mailboxes, by kind and class.',
    ['kind', 'class'],
    () =>
      (sources.kernel?.kindStats() ?? []).flatMap((kind) =>
        Object.entries(kind.shed).map(([name, value]): Sample => [value, { kind: kind.kind, class: name }]),
      ),
  );
  pulled.total('parley_dead_letters_total', 'Mails that nobody took, by kind and reason.', ['kind', 'reason'], () =>
    (sources.kernel?.deadLetters().counts ?? []).map(({ kind, reason, count }): Sample => [count, { kind, reason }]),
  );

  const scrape = clusterMetrics(pulled, sources);

  const presence = (pick: (view: PresenceView) => number) => (): Sample[] =>
    sources.presence === undefined ? [] : [[pick(sources.presence)]];
  // With a label, as a gauge without one says 0 where there is no store.
  pulled.gauge(
    'parley_presence_up',
    '0: the breaker is open, presence of users on other nodes is unknown.',
    ['store'],
    () => (sources.presence === undefined ? [] : [[sources.presence.up() ? 1 : 0, { store: 'redis' }]]),
  );
  pulled.gauge('parley_presence_users', 'Users that the presence service holds, by what for.', ['what'], () => {
    const { online, pending, waiting } = sources.presence?.counts() ?? {};
    return Object.entries({ online, pending, waiting }).flatMap(([what, value]): Sample[] =>
      value === undefined ? [] : [[value, { what }]],
    );
  });
  pulled.total(
    'parley_presence_dropped_total',
    'Changes of presence given up for want of room or time.',
    [],
    presence((p) => p.counts()?.dropped ?? 0),
  );
  const presenceLabels = ['op', 'outcome'];
  const presenceSeconds = new Histogram({
    registers: [registry],
    labelNames: presenceLabels,
    name: 'parley_presence_batch_seconds',
    help: 'Batches of the presence store, by operation and outcome: ok, partial, failed, refused (by the breaker).',
    buckets: LATENCY_BUCKETS,
  });
  const presenceUsers = new Counter({
    registers: [registry],
    labelNames: presenceLabels,
    name: 'parley_presence_batch_users_total',
    help: 'Users in these batches.',
  });

  for (const [name, label, help] of COUNTED) {
    pulled.total(`parley_${name}_total`, help, [label], () =>
      [...(counted.get(name) ?? [])].map(([key, value]): Sample => [value, { [label]: key }]),
    );
  }

  const batch = { registers: [registry], labelNames: ['writer'] };
  const batchWrites = new Histogram({
    ...batch,
    name: 'parley_batch_writes',
    help: 'Writes in a batch.',
    buckets: BATCH_BUCKETS,
  });
  const batchBytes = new Counter({ ...batch, name: 'parley_batch_bytes_total', help: 'Bytes handed to the store.' });
  const flushes = new Counter({
    registers: [registry],
    labelNames: ['writer', 'reason'],
    name: 'parley_batch_flushes_total',
    help: 'Batches by why they were flushed.',
  });
  const commits = new Histogram({
    ...batch,
    name: 'parley_store_commit_seconds',
    help: 'From the first try of a batch to its known outcome.',
    buckets: LATENCY_BUCKETS,
  });
  const faults = new Counter({
    registers: [registry],
    labelNames: ['writer', 'fault'],
    name: 'parley_store_faults_total',
    help: 'Tries of the store that failed, by fault.',
  });

  return {
    contentType: registry.contentType,
    render: () => {
      scrape();
      return registry.metrics();
    },
    counters: {
      count(name, label) {
        let labels = counted.get(name);
        if (labels === undefined) {
          labels = new Map();
          counted.set(name, labels);
        }
        labels.set(label, (labels.get(label) ?? 0) + 1);
      },
    },
    writerObserver: (writer) => ({
      flushed(reason, _mails, writes, bytes) {
        flushes.inc({ writer, reason });
        batchWrites.observe({ writer }, writes);
        batchBytes.inc({ writer }, bytes);
      },
      committed: (latencyMs) => commits.observe({ writer }, latencyMs / 1_000),
      failed: (fault) => faults.inc({ writer, fault }),
    }),
    presenceObserver: {
      batch(op, users, latencyMs, outcome) {
        presenceSeconds.observe({ op, outcome }, latencyMs / 1_000);
        presenceUsers.inc({ op, outcome }, users);
      },
    },
    watch: (more) => void Object.assign(sources, more),
  };
}

const GATEWAY: readonly Row<GatewayStats>[] = [
  ['gauge', 'parley_connections', 'Open sockets.', (s) => s.connections],
  ['gauge', 'parley_sign_ins', 'Sockets that have not signed in yet.', (s) => s.signIns],
  ['total', 'parley_connections_accepted_total', 'Sockets accepted.', (s) => s.accepted],
  ['total', 'parley_frames_in_total', 'Frames from clients.', (s) => s.framesIn],
  ['total', 'parley_frames_out_total', 'Frames to clients.', (s) => s.framesOut],
  ['total', 'parley_bytes_in_total', 'Bytes read from sockets.', (s) => s.bytesIn],
  ['total', 'parley_bytes_out_total', 'Bytes written to sockets.', (s) => s.bytesOut],
  [
    'total',
    'parley_socket_writes_total',
    'Socket writes; frames out divided by it is how well writes are joined.',
    (s) => s.socketWrites,
  ],
  ['total', 'parley_bad_frames_total', 'Frames that broke the protocol.', (s) => s.badFrames],
  ['total', 'parley_slow_readers_total', 'Sockets closed because they did not read.', (s) => s.slowReaders],
  ['total', 'parley_stalls_total', 'Times that reading from a socket was paused for a full mailbox.', (s) => s.stalls],
];
const KERNEL: readonly Row<KernelStats>[] = [
  ['gauge', 'parley_run_queue', 'Cells that wait for their turn.', (k) => k.runQueue],
  ['gauge', 'parley_mailboxes_waiting', 'Mailboxes that hold mail.', (k) => k.lanesLent],
  ['total', 'parley_slices_total', 'Slices of the scheduler.', (k) => k.slices],
];
const PRESSURE: readonly Row<PressureMonitor>[] = [
  [
    'gauge',
    'parley_pressure_level',
    '0 fine; 1 presence stops; 2 no sign-ins; 3 messages are refused.',
    (p) => p.level,
  ],
  ['gauge', 'parley_event_loop_delay_p99_seconds', 'Of the last half second.', (p) => p.sample.delayP99Ms / 1_000],
  ['gauge', 'parley_heap_share', 'Heap in use, of its limit.', (p) => p.sample.heapShare],
];
/** By kind of cell. */
const KINDS: readonly Row<KindStats>[] = [
  ['gauge', 'parley_cells', 'Living cells, by kind.', (k) => k.cells],
  ['total', 'parley_mails_total', 'Mails handled, by kind.', (k) => k.mails],
  ['total', 'parley_cell_seconds_total', 'Time used by cells, by kind; sampled.', (k) => k.timeMs / 1_000],
  ['total', 'parley_restarts_total', 'Cells restarted, by kind.', (k) => k.restarts],
  ['total', 'parley_crashes_total', 'Cells crashed, by kind.', (k) => k.crashes],
  ['gauge', 'parley_parked', 'Cells parked after too many crashes, by kind.', (k) => k.parked],
  ['total', 'parley_overruns_total', 'Turns longer than a slice, by kind.', (k) => k.overruns],
];

/** What actors count, under which label, and what it says. */
const COUNTED: readonly (readonly [CounterName, string, string])[] = [
  ['refused', 'code', 'Requests and messages refused, by error code.'],
  ['shed', 'class', 'Mail dropped under load, by class.'],
  ['displaced', 'what', 'Sockets closed because another of their device came.'],
  ['zombie', 'what', 'Sockets closed because they were silent.'],
  ['sent', 'what', 'Messages acknowledged to their senders as durable.'],
  ['delivered', 'what', 'Messages acknowledged by devices.'],
  ['nudged', 'what', 'Chats that repeated a message to members who had not settled it.'],
  ['inboxed', 'what', 'Messages put into inboxes.'],
];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
const LATENCY_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
