// A CQL store on a real server, for tests: one keyspace a file, and a namespace in it for each test, so that no table has to be emptied.
import { createRealEnv, type Log, silentLog } from '../../runtime/index.ts';
import { type CqlLimits, type CqlOptions, createClient, migrate, openCqlStore } from '../../storage/cql/index.ts';
import type { LogId, Store, Write } from '../../storage/index.ts';
import { ownName, type Servers } from './servers.ts';

export interface Keyspace {
  readonly name: string;
  open(changes?: Partial<CqlOptions> & { readonly limits?: Partial<CqlLimits> }): Promise<Store>;
  drop(): Promise<void>;
}

export async function createKeyspace(servers: Servers, about: string, log: Log = silentLog): Promise<Keyspace> {
  const env = createRealEnv(log);
  const name = ownName(about);
  const localDataCenter = servers.facts.dataCenter ?? 'datacenter1';
  const where = { contactPoints: servers.addresses, localDataCenter };
  const client = createClient(where, null);
  await migrate(client, {
    env,
    keyspace: name,
    replication: { [localDataCenter]: Math.min(3, servers.addresses.length) },
  });
  return {
    name,
    open: (changes) => openCqlStore({ ...where, env, keyspace: name, ...changes }),
    drop: async () => {
      await client.execute(`DROP KEYSPACE ${name}`, [], { prepare: false, readTimeout: 30_000 });
      await client.shutdown();
    },
  };
}

/** The same store with other names for everything: what one test writes, no other sees. */
export function withNamespace(store: Store, space: number): Store {
  const shardBase = space * 1_024;
  const name = (text: string) => `${space}.${text}`;
  const log = (id: LogId): LogId => `${id.slice(0, 2)}${name(id.slice(2))}` as LogId;
  const renamed = (write: Write): Write => {
    if (write.t === 'entry') return { ...write, log: log(write.log) };
    if (write.t === 'sent') return { ...write, chat: name(write.chat) };
    return { ...write, partition: name(write.partition) };
  };
  return {
    name: store.name,
    transactional: store.transactional,
    commit: (writes) => store.commit(writes.map(renamed)),
    readLog: (id, from, to, limit, back) => store.readLog(log(id), from, to, limit, back),
    lastOf: (id, from) => store.lastOf(log(id), from),
    findSent: (chat, sender, device, id) => store.findSent(name(chat), sender, device, id),
    readRow: (table, partition, key) => store.readRow(table, name(partition), key),
    readRows: (table, partition, after, limit) => store.readRows(table, name(partition), after, limit),
    takeFence: (shard, owner, epoch) => store.takeFence(shardBase + shard, owner, epoch),
    fences: async () =>
      (await store.fences())
        .map((row) => ({ ...row, shard: row.shard - shardBase }))
        .filter(({ shard }) => shard >= 0 && shard < 1_024),
    expire: (wallNow, limit) => store.expire(wallNow, limit),
    close: () => store.close(),
  };
}
