// A server of its own for each test of a file, and raw clients that end with it. Called once, at the top of the file.
import { afterEach } from 'vitest';
import { type LocalServer, startLocalServer } from './local-server.ts';
import { RawClient, type RawOptions } from './raw-client.ts';

export interface RawBench {
  /** First in each test. */
  start(settings?: Readonly<Record<string, unknown>>): Promise<void>;
  server(): LocalServer;
  raw(options?: RawOptions): RawClient;
  signedIn(user: string, device?: string, options?: RawOptions): Promise<RawClient>;
}

export function rawBench(): RawBench {
  let server: LocalServer | null = null;
  const clients: RawClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.terminate();
    await server?.dispose();
    server = null;
  });
  const running = (): LocalServer => {
    if (server === null) throw new Error('the test started no server');
    return server;
  };
  const raw = (options: RawOptions = {}): RawClient => {
    const client = new RawClient(running().url, options);
    clients.push(client);
    return client;
  };
  return {
    start: async (settings = {}) => {
      server = await startLocalServer(settings);
    },
    server: running,
    raw,
    signedIn: async (user, device = 'd1', options = {}) => raw(options).signIn(await running().token(user), { device }),
  };
}
