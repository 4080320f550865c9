// A server under test with its load workers, all children of this process: the server on one core, the workers on the other.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Child } from '../children.ts';
import type { PeerName } from '../load/dialect.ts';
import { parleySizes } from '../load/dialect-parley.ts';
import type { WorkerArgs } from '../load/worker.ts';
import type { BenchOptions } from '../options.ts';
import type { ParleyArgs } from '../peers/parley.ts';
import type { ServerAddress } from '../peers/server-child.ts';

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
export const SECRET = 'a secret of the bench and of nobody else';
/** Node admits 512 sign-ins at once in all. */
const SIGN_INS_AT_ONCE = 100;

/** The server, with no load yet. */
export async function startServerOf(
  name: PeerName,
  options: BenchOptions,
): Promise<{ server: Child; address: ServerAddress }> {
  const sizes = parleySizes(runName(options), options.bodyBytes);
  const parley: ParleyArgs = { secret: SECRET, dataDir: join(options.out, 'data'), holdMs: options.holdMs };
  const { child, announced } = await Child.start<ServerAddress>({
    module: `peers/${name}`,
    core: SERVER_CORE,
    nodeArgs: options.serverArgs,
    args: name === 'parley' ? parley : sizes,
  });
  return { server: child, address: announced };
}

export async function startWorkers(
  name: PeerName,
  options: BenchOptions,
  address: ServerAddress,
  users: number,
  load: { readonly workers: number; readonly paired: boolean },
): Promise<Child[]> {
  const { workers } = load;
  const started: Child[] = [];
  const each = 2 * Math.ceil(users / workers / 2);
  for (let i = 0; i < workers; i++) {
    const args: WorkerArgs = {
      peer: name,
      ...address,
      run: runName(options),
      secret: SECRET,
      bodyBytes: options.bodyBytes,
      sizes: parleySizes(runName(options), options.bodyBytes),
      from: i * each,
      to: Math.min(users, (i + 1) * each),
      paired: load.paired,
      signInsAtOnce: Math.max(1, Math.floor(SIGN_INS_AT_ONCE / workers)),
      // One address has some 28,000 ports towards one server.
      sources: users > 10_000 ? ['127.0.0.2', '127.0.0.3'] : [],
      ackDelayMs: options.ackDelayMs,
      heartbeatMs: options.heartbeatMs,
    };
    const core = availableParallelism() > 1 ? LOAD_CORE : null;
    started.push((await Child.start<null>({ module: 'load/worker', core, args })).child);
  }
  return started;
}

const RUN_DIGITS = 8;
const startedAt = Date.now();
/** Eight characters that name this run's users and messages. */
export function runName(_options: BenchOptions): string {
  return startedAt.toString(36).slice(-RUN_DIGITS).padStart(RUN_DIGITS, '0');
}
