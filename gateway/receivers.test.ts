// What the pool takes for granted of the inside of `ws`: between two messages a receiver is as new, and at no other time.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ReceiverFault, type ReceiverOwner, ReceiverPool } from './receivers.ts';

class Owner implements ReceiverOwner {
  readonly messages: string[] = [];
  readonly faults: ReceiverFault[] = [];
  message(data: Buffer): void {
    this.messages.push(data.toString('latin1'));
  }
  pinged(): void {}
  concluded(): void {}
  violated(fault: ReceiverFault): void {
    this.faults.push(fault);
  }
}
const pool = (keepMax = 8) => new ReceiverPool({ frameBytesMax: 65_536, fragmentsMax: 64, keepMax });
const frame = (text: string, { fin = true, opcode = 2 } = {}): Buffer =>
  Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | text.length, 1, 2, 3, 4]), mask(Buffer.from(text))]);
const mask = (payload: Buffer): Buffer => Buffer.from(payload.map((byte, at) => byte ^ ((at & 3) + 1)));

test('a receiver goes back after whole messages, and is the one taken next', () => {
  const receivers = pool();
  const [one, other] = [new Owner(), new Owner()];
  const first = receivers.take(one);
  first.write(Buffer.concat([frame('ab'), frame('cd')]));
  expect(receivers.giveBack(first)).toBe(true);
  const second = receivers.take(other);
  expect(second).toBe(first);
  second.write(frame('ef'));
  expect([one.messages, other.messages]).toEqual([['ab', 'cd'], ['ef']]);
});

test('it stays with its owner in the middle of a header, a payload or a fragmented message', () => {
  const receivers = pool();
  const whole = frame('abcdef');
  for (let cut = 1; cut < whole.length; cut++) {
    const receiver = receivers.take(new Owner());
    receiver.write(whole.subarray(0, cut));
    expect(receivers.giveBack(receiver)).toBe(false);
    receiver.write(whole.subarray(cut));
    expect(receivers.giveBack(receiver)).toBe(true);
  }
  const receiver = receivers.take(new Owner());
  receiver.write(frame('a', { fin: false }));
  expect(receivers.giveBack(receiver)).toBe(false);
  receiver.write(frame('b', { opcode: 0 }));
  expect(receivers.giveBack(receiver)).toBe(true);
});

test('it never goes back after a fault or a close frame', async () => {
  const receivers = pool();
  const owner = new Owner();
  const faulty = receivers.take(owner);
  faulty.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
  expect(receivers.giveBack(faulty)).toBe(false);
  await new Promise((resolve) => setImmediate(resolve));
  expect(owner.faults).toHaveLength(1);
  const closed = receivers.take(new Owner());
  closed.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
  expect(receivers.giveBack(closed)).toBe(false);
  expect(receivers.kept).toBe(0);
});

test('the pool keeps no more than it may', () => {
  const receivers = pool(1);
  const two = [receivers.take(new Owner()), receivers.take(new Owner())];
  for (const receiver of two) receivers.giveBack(receiver);
  expect(receivers.kept).toBe(1);
});

test('however the bytes of many sockets are cut and interleaved, each hears its own messages in order', () => {
  const plan = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(plan, (cuts) => {
      const receivers = pool();
      const sockets = [0, 1, 2].map((n) => {
        const texts = Array.from({ length: 20 }, (_, at) => `${n}:${at}`);
        return {
          owner: new Owner(),
          held: null as ReturnType<typeof receivers.take> | null,
          texts,
          bytes: Buffer.concat(texts.map((text) => frame(text))),
        };
      });
      const feed = (n: number, bytes: number): void => {
        const socket = sockets[n];
        if (socket === undefined || socket.bytes.length === 0) return;
        const receiver = socket.held ?? receivers.take(socket.owner);
        receiver.write(socket.bytes.subarray(0, bytes));
        socket.bytes = socket.bytes.subarray(bytes);
        socket.held = receivers.giveBack(receiver) ? null : receiver;
      };
      for (const [n, bytes] of cuts) feed(n, bytes);
      for (const n of sockets.keys()) feed(n, 1_000);
      for (const socket of sockets) expect(socket.owner.messages).toEqual(socket.texts);
    }),
    { numRuns: 100 },
  );
});
