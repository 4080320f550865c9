// What a node asks of its coordination store before it trusts it: that one of several who create a key at once wins, and only one.
// There are servers of which two win (NATS 2.9 does so for `create` after a delete). Keys are unique and stay: never made again.
import { type Coordination, CoordinationError } from './coordination.ts';

export interface SelfTestOptions {
  /** Of this run alone: `env.id()`. */
  readonly run: string;
  /** Default 20. */
  readonly rounds?: number;
  /** Creates of one key at once, over each connection. Default 2. */
  readonly perConnection?: number;
}

/** `broken`: never use that store. `unanswered`: it could not be found out; ask again. */
export type SelfTestResult =
  | { readonly ok: true; readonly rounds: number }
  | { readonly ok: false; readonly reason: 'broken' | 'unanswered'; readonly about: string };

/** Over connections of their own, two at the least: one connection orders its own requests. */
export async function selfTest(
  connections: readonly Coordination[],
  options: SelfTestOptions,
): Promise<SelfTestResult> {
  const { run, rounds = 20, perConnection = 2 } = options;
  for (let round = 0; round < rounds; round++) {
    const key = `selftest.${run}.${round}`;
    const racers = connections.flatMap((connection) => Array.from({ length: perConnection }, () => connection));
    const outcomes = await Promise.all(
      racers.map((racer, index) =>
        racer.create(key, new TextEncoder().encode(`${run} ${round} ${index}`)).catch(codeOf),
      ),
    );
    const found = await judged(outcomes, key, connections, `${run} ${round}`);
    if (found !== null) return found;
  }
  return { ok: true, rounds };
}

const codeOf = (error: unknown): 'unanswered' => {
  if (error instanceof CoordinationError) return 'unanswered';
  throw error;
};

async function judged(
  outcomes: readonly ('won' | 'lost' | 'unanswered')[],
  key: string,
  connections: readonly Coordination[],
  value: string,
): Promise<SelfTestResult | null> {
  const winners = outcomes.filter((outcome) => outcome === 'won').length;
  const unanswered = outcomes.includes('unanswered');
  if (winners > 1) return { ok: false, reason: 'broken', about: `${winners} creates of one key won` };
  if (winners === 0 && !unanswered)
    return { ok: false, reason: 'broken', about: 'of all creates of a new key none won' };
  if (winners === 0) return { ok: false, reason: 'unanswered', about: 'no answer to a create' };
  const expected = `${value} ${outcomes.indexOf('won')}`;
  for (const connection of connections) {
    const entry = await connection.get(key).catch(codeOf);
    if (entry === 'unanswered') return { ok: false, reason: 'unanswered', about: 'no answer to a get' };
    if (entry === null || new TextDecoder().decode(entry.bytes) !== expected) {
      return { ok: false, reason: 'broken', about: 'a create won, but another value is read' };
    }
  }
  return null;
}
