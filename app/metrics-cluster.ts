// Metrics of a node that is one of several: its ring, its shards, its links to the others, what the router carried, and the database.
// The view is taken once a scrape. Knows what to show and under which name; how is metrics-registry.ts.
import { BATCH_MAILS_BOUNDS, type LinkStats, type RouterStats, type ShardCounts } from '../cluster/index.ts';
import type { ClusterView } from './cluster.ts';
import type { Labels, PulledMetrics, Row, Sample } from './metrics-registry.ts';

/** Of one direction of the database; fits GuardStats of storage/cql. */
export interface DatabaseStats {
  readonly inFlight: number;
  readonly waiting: number;
  readonly broken: boolean;
  readonly sent: number;
  readonly failed: number;
  readonly refused: number;
}
export interface ClusterSources {
  readonly cluster?: { view(): ClusterView };
  readonly database?: { readonly stats: { readonly writes: DatabaseStats; readonly reads: DatabaseStats } };
}

/** Returns what is to be called before each scrape. */
export function clusterMetrics(metrics: PulledMetrics, sources: ClusterSources): () => void {
  let view: ClusterView | null = null;
  const of =
    <Part>(pick: (view: ClusterView) => Part) =>
    (): [Part, Labels][] =>
      view === null ? [] : [[pick(view), {}]];
  const samples = (pick: (view: ClusterView) => Sample[]) => (): Sample[] => (view === null ? [] : pick(view));

  metrics.rows(
    MEMBERSHIP,
    [],
    of((v) => v),
  );
  metrics.rows(
    SHARDS,
    [],
    of(({ shards }) => shards),
  );
  metrics.rows(
    LINKS,
    [],
    of(({ links }) => links),
  );
  metrics.rows(
    ROUTER,
    [],
    of(({ router }) => router),
  );

  metrics.gauge(
    'parley_shards',
    'Shards here: open; waiting to be taken; sealing, that is on their way to another node.',
    ['phase'],
    samples(({ shards: { open, waiting, sealing } }) => labelled('phase', { open, waiting, sealing })),
  );
  metrics.gauge(
    'parley_link_phase',
    '1 for the phase of the link to each other node: closed, opening, open, probing (it broke, and is tried).',
    ['peer', 'phase'],
    samples(({ links }) => links.links.map(({ node, phase }): Sample => [1, { peer: node, phase }])),
  );
  metrics.gauge(
    'parley_link_queued_mails',
    'Mails to each other node that it has not acknowledged, in the queue and in flight.',
    ['peer'],
    samples(({ links }) => links.links.map(({ node, mails }): Sample => [mails, { peer: node }])),
  );
  metrics.gauge(
    'parley_link_queued_bytes',
    'Their bytes; at 4 MiB new mail is refused.',
    ['peer'],
    samples(({ links }) => links.links.map(({ node, bytes }): Sample => [bytes, { peer: node }])),
  );
  for (const [what, help] of CARRIED)
    metrics.total(
      `parley_link_${what}_total`,
      help,
      ['direction'],
      samples(({ links }) => labelled('direction', { out: links[`${what}Out`], in: links[`${what}In`] })),
    );
  metrics.total(
    'parley_link_refused_total',
    'Mails that a link did not take: its window was full (busy), or the node is not there (noconnection).',
    ['reason'],
    samples(({ links }) => labelled('reason', { busy: links.busy, noconnection: links.noConnection })),
  );
  metrics.histogram('parley_link_batch_mails', 'Mails of a batch to another node.', BATCH_MAILS_BOUNDS, () =>
    view === null ? null : { counts: view.links.batchMails, sum: view.links.mailsOut },
  );
  metrics.total(
    'parley_router_out_total',
    'Given to links, by purpose. A route to many keys of one node is one; its keys are counted too.',
    ['what'],
    samples(({ router: r }) =>
      labelled('what', {
        routes: r.routesOut,
        keys: r.keysOut,
        hints: r.hintsOut,
        sends: r.sendsOut,
        signals: r.signalsOut,
        answers: r.answersOut,
        refusals: r.refusalsOut,
      }),
    ),
  );
  metrics.total(
    'parley_router_in_total',
    'From other nodes, by purpose; of routes and hints the keys.',
    ['what'],
    samples(({ router: r }) =>
      labelled('what', { keys: r.keysIn, hints: r.hintsIn, sends: r.sendsIn, refusals: r.refusalsIn }),
    ),
  );
  metrics.total(
    'parley_router_not_owner_total',
    'Nodes told, or telling us, that a shard is not where it was thought to be.',
    ['direction'],
    samples(({ router }) => labelled('direction', { out: router.notOwnerOut, in: router.notOwnerIn })),
  );

  metrics.rows(DATABASE, ['op'], () => {
    const stats = sources.database?.stats;
    return stats === undefined
      ? []
      : [[stats.writes, { op: 'write' }] as const, [stats.reads, { op: 'read' }] as const];
  });
  return () => {
    view = sources.cluster?.view() ?? null;
  };
}

const labelled = (label: string, values: Readonly<Record<string, number>>): Sample[] =>
  Object.entries(values).map(([name, value]): Sample => [value, { [label]: name }]);

const CARRIED = [
  ['batches', 'Batches to and from other nodes.'],
  ['mails', 'Mails in them.'],
  ['bytes', 'Bytes of these mails.'],
] as const;

const MEMBERSHIP: readonly Row<ClusterView>[] = [
  [
    'gauge',
    'parley_cluster_epoch',
    'Number of the ring in force here; the same on all nodes, but for moments.',
    (v) => v.epoch,
  ],
  ['gauge', 'parley_cluster_members', 'Members of that ring.', (v) => v.members.length],
  ['gauge', 'parley_cluster_alive', 'Nodes seen alive, this one among them.', (v) => v.alive.length],
  [
    'gauge',
    'parley_cluster_lease',
    '0: this node may not work its shards; NATS does not confirm its renewals.',
    (v) => (v.holdsLease ? 1 : 0),
  ],
];
const SHARDS: readonly Row<ShardCounts>[] = [
  ['gauge', 'parley_held_mails', 'Mails that wait for a shard that is on its way here.', (s) => s.held],
  ['total', 'parley_shards_taken_total', 'Shards opened, each under a fence of its own.', (s) => s.taken],
  ['total', 'parley_shards_moved_total', 'Shards handed over.', (s) => s.moved],
  [
    'total',
    'parley_remainder_mails_total',
    'Mails that the last owner of a shard had not handled and sent on.',
    (s) => s.remainder,
  ],
];
const LINKS: readonly Row<LinkStats>[] = [
  ['total', 'parley_link_resends_total', 'Batches written again for want of an acknowledgement.', (l) => l.resends],
  [
    'total',
    'parley_link_broken_total',
    'Links that broke; what they carried was refused to its senders.',
    (l) => l.broken,
  ],
  [
    'total',
    'parley_link_stalls_total',
    'Times that NATS took nothing: not connected, or its buffer full.',
    (l) => l.stalls,
  ],
  ['total', 'parley_link_unreadable_total', 'Frames that could not be read.', (l) => l.unreadable],
  ['total', 'parley_link_faults_total', 'Mails whose handling threw.', (l) => l.faults],
];
const ROUTER: readonly Row<RouterStats>[] = [
  ['total', 'parley_router_forwarded_total', 'Keys passed on to the node that owns them now.', (r) => r.forwarded],
  ['total', 'parley_router_held_total', 'Mails held for a shard on its way.', (r) => r.held],
  [
    'total',
    'parley_router_hops_total',
    'Mails refused because they had been passed on too often.',
    (r) => r.tooManyHops,
  ],
  ['total', 'parley_router_lost_total', 'Mails that a link had taken when it broke.', (r) => r.lost],
  ['total', 'parley_router_hints_dropped_total', 'Hints dropped: typing, receipts, presence.', (r) => r.hintsDropped],
  ['gauge', 'parley_router_refs', 'Addresses of actors on other nodes.', (r) => r.foreignRefs],
  ['gauge', 'parley_router_watches', 'Watches of other nodes on actors here.', (r) => r.watches],
];
const DATABASE: readonly Row<DatabaseStats>[] = [
  ['gauge', 'parley_database_up', '0: the breaker is open, requests fail at once.', (d) => (d.broken ? 0 : 1)],
  ['gauge', 'parley_database_in_flight', 'Requests sent and not answered.', (d) => d.inFlight],
  ['gauge', 'parley_database_waiting', 'Requests that wait for their turn.', (d) => d.waiting],
  [
    'total',
    'parley_database_requests_total',
    'Requests sent; of writes, one a batch of rows of one partition.',
    (d) => d.sent,
  ],
  ['total', 'parley_database_failed_total', 'Requests that failed or were not answered in time.', (d) => d.failed],
  ['total', 'parley_database_refused_total', 'Requests not sent: breaker open, or too many waiting.', (d) => d.refused],
];
