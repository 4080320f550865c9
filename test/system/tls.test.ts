// A node that reaches NATS, Redis and Cassandra over TLS, with passwords where they take them, configured as an operator would; and one that
// does not trust their certificates, which must not start. Needs dist/, which `npm test` builds first.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import { startCassandra, startNats, startRedis } from '#services';
import { issueToken } from '../../gateway/index.ts';
import { NodeProcess } from '../chaos/node-process.ts';
import { Person } from '../chaos/person.ts';
import { GENEROUS } from '../chaos/server-process.ts';
import { describeUnless } from './describe-unless.ts';
import { isSkipped, ownName, theServers, whyNot } from './servers.ts';

const SECRET = 'a secret of the tests, of more than thirty-two bytes';
const AUTH = { user: 'parley', password: 'of a test' };
const ALL = await Promise.all([
  startNats({ tls: true, auth: AUTH }),
  startRedis({ tls: true, password: AUTH.password }),
  startCassandra({ tls: true }),
]);
const directory = mkdtempSync(join(tmpdir(), 'parley-tls-'));
const NAME = ownName('tls');
for (const servers of ALL)
  if (isSkipped(servers)) console.warn(`\n*** SKIPPED, for want of a server: ${servers.skip}\n`);
afterAll(async () => {
  for (const servers of ALL) if (!isSkipped(servers)) await servers.dispose();
  rmSync(directory, { recursive: true, force: true });
});

function settings(): Readonly<Record<string, string>> {
  const [nats, redis, cassandra] = ALL.map(theServers);
  if (!nats || !redis || !cassandra) throw new Error('no servers');
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, `${AUTH.password}\n`);
  return {
    ...GENEROUS,
    'auth.secret': SECRET,
    'cluster.carrier': 'nats',
    'cluster.name': NAME,
    'nats.servers': nats.url,
    'nats.caFile': nats.facts.caFile ?? '',
    'nats.user': AUTH.user,
    'nats.password': AUTH.password,
    'storage.kind': 'cql',
    'storage.cql.contactPoints': cassandra.addresses.join(','),
    'storage.cql.localDataCenter': cassandra.facts.dataCenter ?? '',
    'storage.cql.replication': `${cassandra.facts.dataCenter}=1`,
    'storage.cql.keyspace': NAME,
    'storage.cql.tls': 'true',
    'storage.cql.tlsCaFile': cassandra.facts.caFile ?? '',
    'redis.url': `rediss://${redis.addresses[0]}`,
    'redis.caFile': redis.facts.caFile ?? '',
    'redis.passwordFile': passwordFile,
  };
}

describeUnless(whyNot(...ALL), 'a node whose servers talk TLS', () => {
  test('serves, and keeps in each of them what belongs there', async () => {
    const node = await NodeProcess.plan('n1', directory, settings());
    try {
      await node.command(['migrate']);
      await node.run();
      const token = (user: string) =>
        issueToken({ secret: Buffer.from(SECRET), user, ttlSeconds: 600, wallNow: Date.now() });
      const home = { url: node.url, directory, token };
      const [ann, bob] = [new Person(home, 'ann', 'd1'), new Person(home, 'bob', 'd1')];
      const { id: chat } = await ann.client.direct('bob');
      await ann.send(chat, 'over TLS');
      await expect.poll(() => bob.shown.get(chat)?.length ?? 0, { timeout: 20_000 }).toBeGreaterThan(1);
      const redis = theServers(ALL[1]);
      const client = new Redis({
        ...{ host: '127.0.0.1', port: Number(redis.addresses[0]?.split(':')[1]), password: AUTH.password },
        tls: { rejectUnauthorized: false },
      });
      await expect.poll(() => client.keys('*presence*'), { timeout: 20_000 }).not.toEqual([]);
      client.disconnect();
      await Promise.all([ann.client.close(), bob.client.close()]);
    } finally {
      await node.stop();
    }
  }, 120_000);

  test.each([
    ['NATS', 'nats.caFile'],
    ['Cassandra', 'storage.cql.tlsCaFile'],
  ])(
    'does not start when it does not trust %s',
    async (_of, path) => {
      const { [path]: _, ...rest } = settings();
      const node = await NodeProcess.plan('n2', directory, rest);
      try {
        await expect(node.run()).rejects.toThrow(/certificate/i);
      } finally {
        await node.kill();
      }
    },
    120_000,
  );
});
