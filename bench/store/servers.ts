// A CQL store for benches: on the servers that are named, or on one that is started for this run, in a keyspace of its own.
import { readFileSync } from 'node:fs';
import { startCassandra } from '#services';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { type CqlLimits, type CqlStore, createClient, migrate, openCqlStore } from '../../storage/cql/index.ts';

export interface CqlBed {
  open(limits?: Partial<CqlLimits>): Promise<CqlStore>;
  /** Processor time of the server so far, µs; null when it is not ours to look into. */
  serverCpuUs(): number | null;
  close(): Promise<void>;
}

/** Of /proc: how many clock ticks a second has, on every Linux. */
const TICKS = 100;
const DATA_CENTRE = 'datacenter1';

/** `addresses`: host:port, …; null: one is started, with the optimising compiler. */
export async function openCqlBed(addresses: string | null, say: (line: string) => void): Promise<CqlBed> {
  const started = addresses === null ? await startCassandra({ load: true, say }) : null;
  if (started !== null && started.skip !== null) throw new TypeError(`no Cassandra: ${started.skip}`);
  const contactPoints = addresses?.split(',') ?? started?.addresses ?? [];
  const where = { contactPoints, localDataCenter: started?.facts.dataCenter ?? DATA_CENTRE };
  const env = createRealEnv(silentLog);
  const keyspace = `bench_${env.id().replace(/\W/g, '').toLowerCase()}`;
  const client = createClient(where, null);
  await migrate(client, { env, keyspace, replication: { [where.localDataCenter]: Math.min(3, contactPoints.length) } });
  const pids = (started?.nodes ?? []).map((node) => node.pid);
  return {
    open: (limits = {}) => openCqlStore({ ...where, env, keyspace, commitLog: 'ignore', limits }),
    serverCpuUs: () => (pids.length === 0 ? null : pids.reduce((sum: number, pid) => sum + cpuUsOf(pid), 0)),
    close: async () => {
      await client.execute(`DROP KEYSPACE ${keyspace}`, [], { prepare: false, readTimeout: 60_000 });
      await client.shutdown();
      await started?.dispose();
    },
  };
}

/** Processor time of a process so far, µs; 0 when it is not there. */
export function cpuUsOf(pid: number | null): number {
  if (pid === null) return 0;
  try {
    // After the name, which may hold anything: the 12th and 13th fields are user and system time.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return ((Number(fields[11]) + Number(fields[12])) / TICKS) * 1e6;
  } catch {
    return 0;
  }
}
