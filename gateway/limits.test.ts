// Each limit of the wire that the gateway holds, broken on purpose over a raw TCP connection.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { decodeServerFrame, encodeFrame, LIMITS, OP } from '../protocol/index.ts';
import {
  type Bench,
  closedWith,
  heartbeat,
  hello,
  opened,
  startBench,
  until,
  upgradeRequest,
} from './testing/harness.ts';

let bench: Bench;
afterEach(() => bench?.stop());

/** A masked client frame with an all-zero mask, so that the payload is readable here. */
function clientFrame(opcode: number, payload: Buffer, { fin = true, masked = true, rsv = 0 } = {}): Buffer {
  const length = payload.length;
  const size = length < 126 ? Buffer.alloc(0) : length < 65_536 ? Buffer.alloc(2) : Buffer.alloc(8);
  if (size.length === 2) size.writeUInt16BE(length);
  if (size.length === 8) size.writeBigUInt64BE(BigInt(length));
  const first = (fin ? 0x80 : 0) | rsv | opcode;
  const second = (masked ? 0x80 : 0) | (length < 126 ? length : length < 65_536 ? 126 : 127);
  return Buffer.concat([Buffer.from([first, second]), size, Buffer.alloc(masked ? 4 : 0), payload]);
}

async function rawClient(): Promise<Socket> {
  const raw = bench.raw();
  raw.on('data', () => {});
  raw.write(upgradeRequest());
  const before = bench.port.connections.length;
  await until('the upgrade', () => bench.port.connections.length > before);
  return raw;
}

describe('bytes that break RFC 6455 or a limit close the connection', () => {
  const cases: [string, Buffer, 'bad_frame' | 'too_large'][] = [
    ['an unmasked frame', clientFrame(2, heartbeatBytes(), { masked: false }), 'bad_frame'],
    ['a reserved bit, as compression sets it', clientFrame(2, heartbeatBytes(), { rsv: 0x40 }), 'bad_frame'],
    ['an unknown opcode', clientFrame(5, heartbeatBytes()), 'bad_frame'],
    ['a continuation of nothing', clientFrame(0, heartbeatBytes()), 'bad_frame'],
    ['a ping of 126 bytes', clientFrame(9, Buffer.alloc(126)), 'bad_frame'],
    ['a message of 64 KiB and a byte', clientFrame(2, Buffer.alloc(LIMITS.frameBytesMax + 1)), 'too_large'],
    ['a length of 2^60, with no data behind it', Buffer.from([0x82, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0]), 'too_large'],
    ['65 fragments', fragments(LIMITS.frameFragmentsMax + 1, 1), 'bad_frame'],
    ['65 empty fragments', fragments(LIMITS.frameFragmentsMax + 1, 0), 'bad_frame'],
    ['fragments that are too large together', fragments(5, 16_384), 'too_large'],
    ['text that is no UTF-8', clientFrame(1, Buffer.from([0xff, 0xfe])), 'bad_frame'],
    ['text on a binary connection', clientFrame(1, Buffer.from('[3,1]')), 'bad_frame'],
    ['bytes that are no MessagePack', clientFrame(2, Buffer.from([0xc1])), 'bad_frame'],
    ['an empty message', clientFrame(2, Buffer.alloc(0)), 'bad_frame'],
    [
      'a frame that only servers send',
      clientFrame(2, Buffer.from(encodeFrame({ op: OP.OK, ref: 1, value: null }))),
      'bad_frame',
    ],
  ];
  for (const [what, bytes, code] of cases) {
    test(`${what}: ${code}`, async () => {
      bench = await startBench({}, { limits: { closeHandshakeMs: 200 } });
      const raw = await rawClient();
      raw.write(bytes);
      raw.write(clientFrame(2, heartbeatBytes()));
      await until('the cell to hear of it', () => bench.port.last.broken.length === 1);
      expect(bench.port.last.broken[0]?.code).toBe(code);
      await until('the end of the socket', () => bench.gateway.stats().connections === 0);
      expect(bench.port.last.frames).toHaveLength(0);
      expect(bench.port.last.broken).toHaveLength(1);
      expect(bench.port.last.closed).toBe(1);
    });
  }
});

test('a largest message and 64 fragments are fine', async () => {
  bench = await startBench();
  const socket = bench.ws();
  await opened(socket);
  const body = new Uint8Array(LIMITS.bodyBytesMax).fill(3);
  const frame = encodeFrame({
    op: OP.SEND_MESSAGE,
    chat: 'c',
    id: 'm',
    type: 0,
    body,
    about: null,
    after: null,
    retry: false,
  });
  socket.send(frame);
  const share = Math.ceil(frame.length / LIMITS.frameFragmentsMax);
  for (let n = 0; n < LIMITS.frameFragmentsMax; n++) {
    socket.send(frame.subarray(n * share, (n + 1) * share), { binary: true, fin: n === LIMITS.frameFragmentsMax - 1 });
  }
  await until('both', () => bench.port.last.frames.length === 2);
  for (const got of bench.port.last.frames) expect(got).toMatchObject({ op: OP.SEND_MESSAGE, chat: 'c' });
});

test('a frame may come byte by byte, and other sockets are not mixed up with it', async () => {
  bench = await startBench();
  const raws = await Promise.all([rawClient(), rawClient(), rawClient()]);
  for (let at = 0; at < clientFrame(2, heartbeatBytes(1)).length; at++) {
    for (const [n, raw] of raws.entries()) raw.write(clientFrame(2, heartbeatBytes(n)).subarray(at, at + 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until('all three', () => {
    const { connections } = bench.port;
    return connections.length === 3 && connections.every((connection) => connection.frames.length === 1);
  });
  const numbers = bench.port.connections.map(({ frames: [frame] }) => frame?.op === OP.HEARTBEAT && frame.n);
  expect(numbers.sort()).toEqual([0, 1, 2]);
});

test('a flood of pings is answered with little memory and few writes', async () => {
  bench = await startBench();
  const raw = await rawClient();
  raw.write(Buffer.concat(Array.from({ length: 5_000 }, (_, n) => clientFrame(9, Buffer.from(`p${n}`)))));
  raw.write(clientFrame(2, heartbeatBytes(9)));
  await until('the frame behind them', () => bench.port.last.frames.length === 1);
  expect(bench.gateway.stats().socketWrites).toBeLessThan(200);
});

test('a reader that never reads: cells see it at 256 KiB, reading stops, and at 1 MiB it is closed', async () => {
  bench = await startBench({}, { limits: { closeHandshakeMs: 200 } });
  const raw = bench.raw();
  raw.pause();
  raw.write(upgradeRequest());
  await until('the upgrade', () => bench.port.connections.length === 1);
  const { sink, frames } = bench.port.last;
  const chunk = encodeFrame({
    op: OP.HISTORY_PAGE,
    ref: 1,
    chat: 'c',
    from: 1,
    to: 1,
    more: false,
    entries: [entryBytes()],
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  // The kernel's own buffers take some megabytes first.
  for (let n = 0; n < 2_000 && sink.bufferedBytes < LIMITS.bufferedStopBytes; n++) {
    sink.write(chunk);
    await turn();
  }
  expect(sink.bufferedBytes).toBeGreaterThanOrEqual(LIMITS.bufferedStopBytes);
  expect(sink.bufferedBytes).toBeLessThan(LIMITS.bufferedCloseBytes);
  raw.write(clientFrame(2, heartbeatBytes(1)));
  for (let n = 0; n < 20; n++) await turn();
  expect(frames).toHaveLength(0); // its sends wait
  expect(bench.gateway.stats().slowReaders).toBe(0);
  for (let n = 0; n < 40; n++) sink.write(chunk);
  expect(bench.gateway.stats().slowReaders).toBe(1);
  expect(bench.port.last.closed).toBe(1);
  await until('the socket to be ended', () => bench.gateway.stats().connections === 0);
});

test('a reader that was slow and catches up goes on where it was', async () => {
  bench = await startBench();
  const socket = bench.ws();
  const seqs: number[] = [];
  socket.on('message', (data: Buffer) => {
    const frame = decodeServerFrame(data);
    if (frame.op === OP.HISTORY_PAGE) seqs.push(frame.from);
  });
  await opened(socket);
  socket.pause();
  const { sink, frames } = bench.port.last;
  let sent = 0;
  while (sink.bufferedBytes < LIMITS.bufferedStopBytes) {
    sent += 1;
    const page = {
      op: OP.HISTORY_PAGE,
      ref: 1,
      chat: 'c',
      from: sent,
      to: sent,
      more: false,
      entries: [entryBytes()],
    } as const;
    sink.write(encodeFrame(page));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.send(hello());
  socket.resume();
  await until('all pages', () => seqs.length === sent);
  expect(seqs).toEqual(Array.from({ length: sent }, (_, at) => at + 1));
  await until('its own frame', () => frames.length === 1);
});

test('a slow reader hears why, once it reads', async () => {
  bench = await startBench();
  const socket = bench.ws();
  await opened(socket);
  socket.pause();
  const gone = closedWith(socket);
  const { sink } = bench.port.last;
  const page = {
    op: OP.HISTORY_PAGE,
    ref: 1,
    chat: 'c',
    from: 1,
    to: 1,
    more: false,
    entries: [entryBytes()],
  } as const;
  while (bench.gateway.stats().slowReaders === 0) sink.write(encodeFrame(page));
  socket.resume();
  expect(await gone).toEqual({ code: 4002, reason: 'slowReader' });
});

function heartbeatBytes(n = 1): Buffer {
  return Buffer.from(heartbeat(n));
}
function entryBytes(): Uint8Array {
  const body = new Uint8Array(50_000);
  return encodeFrame({
    op: OP.RECEIVE_MESSAGE,
    chat: 'c',
    seq: 1,
    sender: 'b',
    device: 'd',
    id: 'm',
    ts: 1,
    type: 0,
    body,
    about: null,
  });
}
function fragments(count: number, bytes: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, n) =>
      clientFrame(n === 0 ? 2 : 0, Buffer.alloc(bytes), { fin: n === count - 1 }),
    ),
  );
}
