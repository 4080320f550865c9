// A client whose server is the test: signed in with a few words, and frames made with as few fields as matter.
import { encodeFrame, type Frame, OP } from '../../protocol/index.ts';
import { type CoreOptions, createClient, memoryStore, type ParleyClient } from '../core/index.ts';
import { type ManualEnv, manualEnv } from './manual-env.ts';
import { type ScriptedSocket, type ScriptedTransport, scriptedTransport } from './scripted-transport.ts';

export interface ScriptedClient {
  readonly client: ParleyClient;
  readonly env: ManualEnv;
  readonly transport: ScriptedTransport;
  /** Opens the newest socket, lets the client say HELLO, and welcomes it. */
  signIn(welcome?: Partial<Frame<'WELCOME'>>): Promise<ScriptedSocket>;
}

export const URL_OF_TEST = 'ws://chat.test/v1/connect';

export function scriptedClient(options: Partial<CoreOptions> & { readonly env?: ManualEnv } = {}): ScriptedClient {
  const env = options.env ?? manualEnv();
  const transport = scriptedTransport();
  const client = createClient(URL_OF_TEST, {
    device: 'd1',
    getToken: () => 'token',
    store: memoryStore(),
    transport,
    ...options,
    env,
  });
  return {
    client,
    env,
    transport,
    async signIn(welcome = {}) {
      await env.advance(0);
      const { socket } = transport;
      socket.open();
      socket.say(welcomeOf({ time: env.wallNow(), ...welcome }));
      return socket;
    },
  };
}

export function welcomeOf(more: Partial<Frame<'WELCOME'>> = {}): Frame<'WELCOME'> {
  const fixed = { op: OP.WELCOME, user: 'me', device: 'd1', node: 'n1', sync: 's1', resumed: true };
  return { ...fixed, heartbeatMs: 10_000, window: 64, time: 0, expires: null, ...more };
}

export function entryOf(seq: number, more: Partial<Frame<'RECEIVE_MESSAGE'>> = {}): Frame<'RECEIVE_MESSAGE'> {
  const body = new TextEncoder().encode(String(seq));
  const fixed = { op: OP.RECEIVE_MESSAGE, chat: 'c', sender: 'bob', device: 'b1', id: `b${seq}`, ts: seq, type: 0 };
  return { ...fixed, body, about: null, seq, ...more };
}

export function errorOf(more: Partial<Frame<'ERROR'>> & Pick<Frame<'ERROR'>, 'code' | 'retry'>): Frame<'ERROR'> {
  return { op: OP.ERROR, ref: null, chat: null, id: null, afterMs: 0, about: '', ...more };
}

// —— what tests of receiving look at ——

export function shown(client: ParleyClient): string[] {
  const all: string[] = [];
  client.on('message', (entry) => all.push(`${entry.chat}${entry.seq}`));
  return all;
}
export function pageFor(
  asked: Frame<'HISTORY'>,
  to: number,
  seqs: readonly number[],
  more = false,
): Frame<'HISTORY_PAGE'> {
  const { ref, chat, from } = asked;
  const entries = seqs.map((seq) => encodeFrame(entryOf(seq, { chat })));
  return { op: OP.HISTORY_PAGE, ref, chat, from, to, more, entries };
}
export const acksOf = (socket: ScriptedSocket) =>
  socket.of(OP.MESSAGE_ACK).map((frame) => frame.acks.map((ack) => `${ack.chat}${ack.seq}`).join(' '));
export const asksOf = (socket: ScriptedSocket) => socket.of(OP.HISTORY);
export const last = <T>(list: readonly T[]): T => {
  const one = list.at(-1);
  if (one === undefined) throw new Error('nothing there');
  return one;
};
export const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Time goes by, and the connection lives. */
export async function live(env: ManualEnv, socket: ScriptedSocket, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 5_000) {
    await env.advance(Math.min(left, 5_000));
    socket.say({ op: OP.HEARTBEAT, n: 0 });
  }
}
