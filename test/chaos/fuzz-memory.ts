// What the node under test holds, after a full collection, as its own metrics say. Test code.
import type { ServerProcess } from './server-process.ts';

export interface Held {
  readonly heapMb: number;
  readonly externalMb: number;
  readonly rssMb: number;
  readonly cells: Readonly<Record<string, number>>;
  readonly connections: number;
}
export type Metrics = ReadonlyMap<string, number>;

/** Each line of /metrics; labels but for the node's name stay part of the key. */
export async function readMetrics(server: ServerProcess): Promise<Metrics> {
  const text = await (await fetch(`${server.http}/metrics`)).text();
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(\{[^}]*\})? (\S+)$/.exec(line);
    if (match === null) continue;
    const labels = (match[2] ?? '').replace(/,?node="[^"]*"/, '').replace('{}', '');
    found.set(`${match[1]}${labels}`, Number(match[3]));
  }
  return found;
}

export const sumOf = (metrics: Metrics, name: string): number =>
  [...metrics].reduce((sum, [key, value]) => (key === name || key.startsWith(`${name}{`) ? sum + value : sum), 0);

const cellsOf = (metrics: Metrics, kind: string): number => metrics.get(`parley_cells{kind="${kind}"}`) ?? 0;

/** Left alone until at most so many sessions and chats are awake, or the time is over; then measured. */
export async function held(server: ServerProcess, sessions: number, chats: number, limitMs: number): Promise<Held> {
  for (const end = Date.now() + limitMs; Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const now = await readMetrics(server);
    if (cellsOf(now, 'session') <= sessions && cellsOf(now, 'chat') <= chats) break;
  }
  server.signal('SIGUSR2');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const metrics = await readMetrics(server);
  const mb = (name: string): number => Math.round((metrics.get(name) ?? 0) / 10_486) / 100;
  const cells: Record<string, number> = {};
  for (const kind of ['chat', 'session', 'connection']) cells[kind] = cellsOf(metrics, kind);
  return {
    heapMb: mb('nodejs_heap_size_used_bytes'),
    externalMb: mb('nodejs_external_memory_bytes'),
    rssMb: mb('process_resident_memory_bytes'),
    cells,
    connections: metrics.get('parley_connections') ?? 0,
  };
}
