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
  // Loaded here, so that small commands do not pay for the server.
  const [{ startServer }, startNodeWith] = await Promise.all([import('../app/server.ts'), nodeOf(options.config)]);
  let reportFatal: (reason: string) => void = () => {};
  const fatal = new Promise<string>((resolve) => {
    reportFatal = resolve;
  });
  const startNode: ServerOptions['startNode'] = (node) => startNodeWith(node, reportFatal);
  const server = await startServer({ ...options, startNode }).catch((error: unknown) => {
    throw startFault(error, options.config);
  });
  const asked = io.stopAsked();
  onUp(server);
  const end = await Promise.race([asked.then((signal) => ({ signal })), fatal.then((reason) => ({ reason }))]);
  if ('signal' in end) io.err(`${end.signal}: stopping; again to end at once\n`);
  else io.err(`the node cannot go on: ${end.reason}; stopping\n`);
  await server.stop();
  return 'signal' in end ? EXIT.ok : EXIT.failed;
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
