// The servers that other tests stand on: started, killed, paused, emptied, and gone in the end.
import { existsSync } from 'node:fs';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { Client } from 'cassandra-driver';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { startNats, startRedis } from '#services';
import { describeUnless } from './describe-unless.ts';
import {
  isSkipped,
  ownName,
  sharedCassandra,
  sharedNats,
  sharedRedis,
  theServers,
  whyNot,
  whyNotOurs,
} from './servers.ts';

const [nats, redis, cassandra] = await Promise.all([sharedNats(), sharedRedis(), sharedCassandra()]);

describeUnless(whyNotOurs(nats), 'NATS', () => {
  test('files of one run share one server', async () => {
    expect((await sharedNats()) as unknown).toMatchObject({ urls: theServers(nats).urls });
  });

  test('keeps what it confirmed over SIGKILL, and nothing when it comes back empty', async () => {
    const own = theServers(await startNats());
    const read = async (): Promise<string | undefined> => {
      const connection = await connect({ servers: own.urls as string[] });
      const bucket = await new Kvm(connection).create('tests');
      const entry = await bucket.get('key');
      if (entry === null) await bucket.put('key', 'value');
      await connection.close();
      return entry?.string();
    };
    expect(await read()).toBeUndefined();
    const before = own.nodes[0]?.pid;
    await own.kill();
    expect(own.nodes[0]?.running).toBe(false);
    await own.start();
    expect(own.nodes[0]?.pid).not.toBe(before);
    expect(await read()).toBe('value');
    await own.restart({ empty: true });
    expect(await read()).toBeUndefined();
    await own.dispose();
    expect(existsSync(own.nodes[0]?.folder ?? '')).toBe(false);
  });

  test('three replicate, and go on without one', async () => {
    const own = theServers(await startNats({ nodes: 3 }));
    const connection = await connect({ servers: own.urls as string[] });
    const manager = await jetstreamManager(connection);
    const made = await manager.streams.add({ name: 'three', subjects: ['three.>'], num_replicas: 3 });
    const leader = own.nodes.find((node) => node.name === made.cluster?.leader) ?? own.nodes[0];
    await leader?.kill();
    await expect
      .poll(async () => (await connectedInfo(manager)).cluster?.leader, { timeout: 20_000 })
      .not.toBe(leader?.name);
    await leader?.start();
    await connection.close();
    await own.dispose();
  });

  test('asks for a password and speaks TLS when told to', async (context) => {
    const auth = { user: 'parley', password: 'of a test' };
    const own = await startNats({ tls: true, auth });
    if (isSkipped(own)) return context.skip(own.skip);
    const tls = { caFile: own.facts.caFile ?? '' };
    const servers = own.urls as string[];
    await expect(connect({ servers, tls, reconnect: false })).rejects.toThrow(/authorization/i);
    const connection = await connect({ servers, tls, user: auth.user, pass: auth.password });
    expect(connection.info?.tls_required).toBe(true);
    await connection.close();
    await own.dispose();
  });
});

async function connectedInfo(manager: Awaited<ReturnType<typeof jetstreamManager>>) {
  return await manager.streams.info('three').catch(() => ({ cluster: undefined }) as const);
}

describeUnless(whyNotOurs(redis), 'Redis', () => {
  test('answers nobody while paused, and goes on as it was', async () => {
    const own = theServers(await startRedis());
    const client = new Redis(own.url, { maxRetriesPerRequest: 0 });
    const hasty = new Redis(own.url, { commandTimeout: 300, maxRetriesPerRequest: 0 });
    for (const each of [client, hasty]) each.on('error', () => {});
    await client.set('key', 'value');
    own.pause();
    await expect(hasty.get('key')).rejects.toThrow(/timed out/);
    own.resume();
    expect(await client.get('key')).toBe('value');
    for (const each of [client, hasty]) each.disconnect();
    await own.dispose();
    expect(own.nodes[0]?.folder !== undefined && existsSync(own.nodes[0].folder)).toBe(false);
  });
});

describeUnless(whyNot(cassandra), 'Cassandra', () => {
  test('keeps every confirmed row over SIGKILL', async () => {
    const servers = theServers(cassandra);
    const client = new Client({
      contactPoints: [...servers.addresses],
      localDataCenter: servers.facts.dataCenter ?? '',
    });
    const keyspace = ownName('servers');
    await client.execute(
      `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}`,
    );
    await client.execute(`CREATE TABLE ${keyspace}.rows (id int PRIMARY KEY)`);
    const insert = `INSERT INTO ${keyspace}.rows (id) VALUES (?)`;
    const count = 500;
    await Promise.all(
      Array.from({ length: count }, (_, id) => client.execute(insert, [id], { prepare: true, isIdempotent: true })),
    );
    if (!servers.given) {
      await servers.kill();
      await servers.start();
    }
    await expect
      .poll(
        () =>
          client
            .execute(`SELECT count(*) AS count FROM ${keyspace}.rows`)
            .then((found) => Number(found.rows[0]?.count)),
        { timeout: 30_000 },
      )
      .toBe(count);
    await client.execute(`DROP KEYSPACE ${keyspace}`);
    await client.shutdown();
  });
});
