// The cluster run in short: three nodes on real servers, thirty clients, one of each kind of fault that is soon over. What takes ten minutes
// is `npm run chaos -- cluster`. Needs dist/, which `npm test` builds first.
import { afterAll, expect, test } from 'vitest';
import { startNats, startRedis } from '#services';
import { clusterRun, faultTable } from '../chaos/cluster.ts';
import { describeUnless } from './describe-unless.ts';
import { isSkipped, sharedCassandra, theServers, whyNot } from './servers.ts';

// Cassandra is shared, for its start is slow; the others are made to fail, and are our own.
const [nats, redis, cassandra] = await Promise.all([startNats(), startRedis(), sharedCassandra()]);
for (const servers of [nats, redis]) {
  if (isSkipped(servers)) console.warn(`\n*** SKIPPED, for want of a server: ${servers.skip}\n`);
}
afterAll(async () => {
  for (const servers of [nats, redis]) if (!isSkipped(servers)) await servers.dispose();
});

describeUnless(whyNot(nats, redis, cassandra), 'three nodes', () => {
  test('nothing that was acknowledged is lost, doubled or out of order, whatever fails for a while', async () => {
    const lines: string[] = [];
    const result = await clusterRun({
      clients: 30,
      minutes: 1,
      rate: 30,
      faults: ['kill:2', 'pause', 'cut-nats', 'cut-cassandra', 'nats-empty', 'redis'],
      times: { killMs: 1_000, pauseMs: 7_000, cutMs: 7_000, serverMs: 3_000, databaseMs: 5_000 },
      backends: { nats: theServers(nats), redis: theServers(redis), cassandra: theServers(cassandra) },
      keep: null,
      log: (line) => lines.push(line),
    });
    const said = [...lines, faultTable(result.faults), ...result.examples, ...result.ends].join('\n');
    const { lost, doubled, reordered, gaps, different, failed } = result;
    expect({ lost, doubled, reordered, gaps, different, failed }, said).toEqual({
      lost: 0,
      doubled: 0,
      reordered: 0,
      gaps: 0,
      different: 0,
      failed: 0,
    });
    expect(result.ends, said).toEqual([]);
    expect(
      result.faults.filter((fault) => fault.settledMs === null),
      said,
    ).toEqual([]);
    const notOurs = [nats, redis].filter((servers) => theServers(servers).given).length;
    expect(result.faults.length).toBe(6 - notOurs);
    expect(result.acked).toBeGreaterThan(500);
    // Each of these faults is felt: somebody waited for longer than the calm network takes.
    expect(result.faults[0]?.affected.clients, said).toBeGreaterThan(0);
    expect(result.reconnects).toBeGreaterThan(0);
  }, 420_000);
});
