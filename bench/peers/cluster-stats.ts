// What a node of a cluster counts, for the figures of a bench, and which shards it has open.
import { SHARDS } from '../../actors/index.ts';
import type { ClusterSide } from '../../app/cluster.ts';
import type { NodeHandle, Server } from '../../app/server.ts';

export type Counts = Readonly<Record<string, number>>;

export function clusterCounts(server: Server, node: NodeHandle): Counts {
  const { framesIn, framesOut, socketWrites } = server.gateway.stats();
  const { links, router, epoch } = sideOf(node).view();
  return {
    epoch,
    framesIn,
    framesOut,
    socketWrites,
    slices: node.kernel.stats().slices,
    linkBatches: links.batchesOut,
    linkMails: links.mailsOut,
    linkBytes: links.bytesOut,
    linkAcks: links.acksOut,
    linkResends: links.resends,
    routes: router.routesOut,
    keys: router.keysOut,
    hints: router.hintsOut,
    sends: router.sendsOut,
    signals: router.signalsOut,
    forwarded: router.forwarded,
  };
}

export function sum(all: readonly Counts[]): Counts {
  const total: Record<string, number> = {};
  for (const counts of all) {
    for (const [name, value] of Object.entries(counts)) total[name] = (total[name] ?? 0) + value;
  }
  return total;
}

export function openShards(node: NodeHandle): number[] {
  const side = sideOf(node);
  return Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => side.isOpen(shard));
}

function sideOf({ cluster }: NodeHandle): ClusterSide {
  if (cluster === null) throw new Error('a node of a cluster');
  return cluster;
}
