// A whole server in the test's own process, over real sockets and a real directory, with a store that misbehaves as planned. Test code.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../app/config-load.ts';
import { startNode } from '../../app/node.ts';
import { type Server, startServer } from '../../app/server.ts';
import { issueToken } from '../../gateway/index.ts';
import { type FaultPlan, faultPlan, withFaults } from '../../storage/index.ts';
import { openLmdbStore } from '../../storage/lmdb/index.ts';
import type { Home } from '../chaos/person.ts';
import { GENEROUS } from '../chaos/server-process.ts';

export interface LocalServer extends Home {
  readonly server: Server;
  readonly plan: FaultPlan;
  dispose(): Promise<void>;
}

export const SECRET = Buffer.from('a secret of the tests, of more than thirty-two bytes');

export async function startLocalServer(settings: Readonly<Record<string, unknown>> = {}): Promise<LocalServer> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-test-'));
  const flags = {
    ...GENEROUS,
    'gateway.port': 0,
    'log.level': 'silent',
    'node.dataDir': directory,
    'node.stopMs': 2_000,
    ...settings,
  };
  const loaded = loadConfig({ env: {}, flags, base: {}, file: null });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const plan = faultPlan();
  const auth = { keys: [{ is: 'secret' as const, secret: SECRET }], wallNow: Date.now };
  const server = await startServer({
    config: loaded.config,
    auth: { ...loaded.config.auth, ...auth },
    startNode: async ({ env, config, verifier, pressure, counters }) => {
      const store = withFaults(await openLmdbStore(directory, { env, mapBytes: config.storage.mapBytes }), plan, env);
      const node = await startNode({ env, name: 'test', store, verifier, pressure, counters, rates: config.rates });
      return {
        port: node.port,
        kernel: node.kernel,
        cluster: null,
        notReady: () => null,
        stop: async () => {
          await node.leave(100, 2_000);
          await node.stop();
          await store.close();
        },
      };
    },
  });
  return {
    server,
    directory,
    url: `ws://127.0.0.1:${server.gateway.port}`,
    plan,
    token: (user) => issueToken({ secret: SECRET, user, ttlSeconds: 3_600, wallNow: Date.now() }),
    dispose: async () => {
      Object.assign(plan, faultPlan());
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
