// Cassandra from its jars: one node, or several on addresses 127.0.0.1, .2, .3 with the same two ports. What is written is on disk
// before it is confirmed (`commitlog_sync: batch`): in periodic mode a node that is killed loses up to 100 ms of confirmed rows.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cassandraYaml, jvmArgs, logbackXml } from './cassandra-files.mjs';
import { makeKeyStore, STORE_PASSWORD } from './certificate.mjs';
import { cassandraJars } from './fetch.mjs';
import { Server } from './server.mjs';
import { freePorts } from './waiting.mjs';

/** Of SimpleSnitch, which is the snitch of our configuration. */
export const DATA_CENTER = 'datacenter1';
const HEAP_MB = 512;
/** Alone it serves after 7 to 14 s, as one of three after 20 to 30; the rest is for a machine that is busy with other things. */
const READY_MS = 180_000;

/**
 * @param {string} folder
 * @param {{ nodes?: number, heapMb?: number, load?: boolean, tls?: boolean, portBase?: number, say?: (words: string) => void }} options
 * `load`: with the optimising compiler, which costs some seconds at the start and pays under load. `tls`: for clients that want it.
 */
export async function planCassandra(folder, options = {}) {
  const { nodes = 1, heapMb = HEAP_MB, load = false, tls = false, portBase, say } = options;
  const { java, jars, version } = await cassandraJars({ say });
  const hosts = Array.from({ length: nodes }, (_, index) => `127.0.0.${index + 1}`);
  const [port, storage] = portBase === undefined ? await freePorts(2, hosts) : [portBase, portBase + 1];
  const seeds = hosts.map((host) => `${host}:${storage}`).join(',');
  const keys = tls ? makeKeyStore(folder) : null;
  const encryption = keys === null ? null : { store: keys.store, password: STORE_PASSWORD };
  const servers = hosts.map((host, index) => {
    const name = `cassandra-${index + 1}`;
    const inner = join(folder, name);
    const { program, args } = withoutMemoryLock(java, jvmArgs({ jars, folder: inner, heapMb, load }));
    const spec = {
      kind: 'cassandra',
      name,
      version,
      program,
      args,
      // Fewer arenas of the allocator: a third less resident memory.
      env: { MALLOC_ARENA_MAX: '2' },
      host,
      ports: { port, storage },
      url: `${host}:${port}`,
      readyMs: READY_MS,
      ready: { peers: nodes - 1 },
    };
    const files = {
      'cassandra.yaml': cassandraYaml({ host, port, storage, seeds, index, nodes, encryption }),
      'logback.xml': logbackXml(),
    };
    return Server.create(inner, spec, files);
  });
  return { servers, facts: { dataCenter: DATA_CENTER, ...(keys === null ? {} : { caFile: keys.cert }) } };
}

/** As root the JVM would lock its heap into memory, all of it from the start. */
function withoutMemoryLock(java, args) {
  const limits = ['--bounding-set=-ipc_lock', '--inh-caps=-ipc_lock'];
  const mayLock = process.getuid?.() === 0 && spawnSync('setpriv', [...limits, 'true']).status === 0;
  return mayLock ? { program: 'setpriv', args: [...limits, java, ...args] } : { program: java, args };
}
