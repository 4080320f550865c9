// For unit tests of applications: a server in memory, a clock by hand, and a transport whose server is the test itself.
import { realEnv } from '../platform.ts';
import { TestServer, type TestServerOptions } from './test-server.ts';

export { type ManualEnv, manualEnv } from './manual-env.ts';
export { ScriptedSocket, type ScriptedTransport, scriptedTransport } from './scripted-transport.ts';
export { type Refusal, TestServer, type TestServerOptions } from './test-server.ts';

/** A server in memory. `env` defaults to the real clock; give it a `manualEnv()` for tests that take no time. */
export function createTestServer(options: Partial<TestServerOptions> = {}): TestServer {
  return new TestServer({ env: realEnv(), ...options });
}
