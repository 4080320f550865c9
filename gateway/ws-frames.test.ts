// The frames that we build, read back by `ws` itself.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as ws from 'ws';
import { closePayload, headerBytes, joinFrames, OPCODE } from './ws-frames.ts';

interface Reader {
  on(event: string, run: (...args: never[]) => void): void;
  write(bytes: Buffer): void;
}
const Receiver = (ws as unknown as { Receiver: new (options: object) => Reader }).Receiver;

function readBack(bytes: Buffer): { messages: Buffer[]; pongs: Buffer[]; close: [number, string] | null } {
  const got = { messages: [] as Buffer[], pongs: [] as Buffer[], close: null as [number, string] | null };
  const receiver = new Receiver({ isServer: false });
  receiver.on('message', (data: Buffer) => got.messages.push(data));
  receiver.on('pong', (data: Buffer) => got.pongs.push(data));
  receiver.on('conclude', (code: number, reason: Buffer) => {
    got.close = [code, reason.toString()];
  });
  receiver.write(bytes);
  return got;
}

test('lengths on both sides of 126 and of 64 KiB are read back by ws', () => {
  const lengths = [0, 1, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, 200_000];
  const messages = lengths.map((length) => Buffer.alloc(length, length & 0xff));
  const bytes = joinFrames({
    opcode: OPCODE.binary,
    messages,
    pong: Buffer.from('p'),
    close: closePayload(4002, 'slow'),
  });
  const got = readBack(bytes);
  expect(got.messages.map((message) => message.length)).toEqual(lengths);
  for (const [at, message] of got.messages.entries())
    expect(message.equals(messages[at] ?? Buffer.alloc(0))).toBe(true);
  expect(got.pongs.map(String)).toEqual(['p']);
  expect(got.close).toEqual([4002, 'slow']);
});

test('any list of messages comes back as it was, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (messages) => {
      const bytes = joinFrames({ opcode: OPCODE.binary, messages, pong: null, close: null });
      expect(bytes.length).toBe(
        messages.reduce((sum, message) => sum + headerBytes(message.length) + message.length, 0),
      );
      expect(readBack(bytes).messages.map((message) => [...message])).toEqual(messages.map((message) => [...message]));
    }),
    { numRuns: 200 },
  );
});

test('a close reason never makes a control frame too long', () => {
  expect(closePayload(4000, 'x'.repeat(500)).length).toBe(125);
  expect(closePayload(0, 'ignored').length).toBe(0);
});
