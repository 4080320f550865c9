// What `dev` and `serve` share: start a server, keep it until a signal or its own end, stop it without losing anything, and say
// in plain words what kept it from starting.
import type { Server, ServerOptions } from '../app/server.ts';
import { CommandError, EXIT, type Io } from './command.ts';

/** `onUp` runs once it listens. Resolves to the exit code after the stop. */
export async function serveUntilStopped(
  io: Io,
  options: Omit<ServerOptions, 'startNode'>,
  onUp: (server: Server) => void,
): Promise<number> {
  const startNodeWith = await nodeOf(options.config);
  return await untilStopped(io, async (reportFatal) => {
    const server = await started({ ...options, startNode: (node) => startNodeWith(node, reportFatal) });
    onUp(server);
    return () => server.stop();
  });
}

/** Several nodes of one process, each with its own options. */
export async function serveNodesUntilStopped(
  io: Io,
  each: readonly Omit<ServerOptions, 'startNode'>[],
  onUp: (servers: readonly Server[]) => void,
): Promise<number> {
  const [first] = each;
  if (first === undefined) throw new RangeError('no node is none');
  const { config } = first;
  // Loaded here, so that small commands do not pay for the server.
  const [{ openLocalNodes }, { createRealEnv, silentLog }, { checkAddress }] = await Promise.all([
    import('../app/local-nodes.ts'),
    import('../runtime/index.ts'),
    import('../gateway/index.ts'),
  ]);
  // Before the store, whose fence would end those that run on these ports already.
  for (const { config } of each)
    await checkAddress(config.gateway).catch((error: unknown) => {
      throw startFault(error, config);
    });
  return await untilStopped(io, async (onFatal) => {
    const { dataDir } = config.node;
    const { mapBytes } = config.storage;
    const env = createRealEnv(silentLog);
    const nodes = await openLocalNodes({ env, dataDir, mapBytes, onFatal }).catch((error: unknown) => {
      throw startFault(error, config);
    });
    // Side by side: they form one ring.
    const starts = await Promise.allSettled(each.map((options) => started({ ...options, startNode: nodes.startNode })));
    const servers = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const stop = async (): Promise<void> => {
      await Promise.all(servers.map((server) => server.stop()));
      await nodes.close();
    };
    const failed = starts.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      await stop();
      throw failed.reason;
    }
    onUp(servers);
    return stop;
  });
}

/** `start` resolves to how to stop, once all is up. */
async function untilStopped(
  io: Io,
  start: (reportFatal: (reason: string) => void) => Promise<() => Promise<void>>,
): Promise<number> {
  let reportFatal: (reason: string) => void = () => {};
  const fatal = new Promise<string>((resolve) => {
    reportFatal = resolve;
  });
  const stop = await start(reportFatal);
  const asked = io.stopAsked();
  const end = await Promise.race([asked.then((signal) => ({ signal })), fatal.then((reason) => ({ reason }))]);
  if ('signal' in end) io.err(`${end.signal}: stopping; again to end at once\n`);
  else io.err(`the node cannot go on: ${end.reason}; stopping\n`);
  await stop();
  return 'signal' in end ? EXIT.ok : EXIT.failed;
}

async function started(options: ServerOptions): Promise<Server> {
  const { startServer } = await import('../app/server.ts');
  return await startServer(options).catch((error: unknown) => {
    throw startFault(error, options.config);
  });
}

/** The drivers that the configuration asks for, and no others. */
async function nodeOf({ cluster }: ServerOptions['config']) {
  if (cluster.carrier === 'nats') return (await import('../app/cluster-node.ts')).startClusterNode;
  return (await import('../app/embedded-node.ts')).startEmbeddedNode;
}

function startFault(error: unknown, { cluster, gateway, node }: ServerOptions['config']): CommandError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  const { host, port } = gateway;
  switch (code) {
    case 'EADDRINUSE':
      return new CommandError(
        EXIT.config,
        `port ${port} on ${host} is in use`,
        'Choose another with --port N; 0 takes any free one.',
      );
    case 'EACCES':
      return new CommandError(
        EXIT.config,
        `port ${port} on ${host} may not be used`,
        'Choose one above 1023 with --port N.',
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new CommandError(
        EXIT.config,
        `${host} is no address of this machine`,
        'Choose another with --host ADDRESS.',
      );
    default:
      return new CommandError(
        EXIT.failed,
        `the node did not start: ${message}`,
        cluster.carrier === 'none'
          ? `Its data directory is ${node.dataDir}.`
          : 'It needs NATS and the database of its configuration.',
      );
  }
}
