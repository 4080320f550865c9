// One socket, end to end, against a real `ws` client: order, joining, flow both ways, and how it ends.
import { afterEach, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { CLOSE_CODES, decodeServerFrame, encodeFrame, LIMITS, OP, type ServerFrame } from '../protocol/index.ts';
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

const beat = (n: number): ServerFrame => ({ op: OP.HEARTBEAT, n });
const entry = (seq: number, bytes: number): ServerFrame => ({
  op: OP.RECEIVE_MESSAGE,
  chat: 'c',
  seq,
  sender: 'bob',
  device: 'd',
  id: `m${seq}`,
  ts: 1,
  type: 0,
  body: new Uint8Array(bytes).fill(seq),
  about: null,
});
const received = (socket: WebSocket): ServerFrame[] => {
  const frames: ServerFrame[] = [];
  socket.on('message', (data: Buffer) => frames.push(decodeServerFrame(data)));
  return frames;
};

test('frames in both directions keep their order', async () => {
  bench = await startBench();
  const socket = bench.ws();
  const frames = received(socket);
  await opened(socket);
  socket.send(hello());
  for (let n = 0; n < 500; n++) socket.send(heartbeat(n));
  await until('all answers', () => frames.length === 501);
  expect(frames[0]?.op).toBe(OP.WELCOME);
  expect(frames.slice(1).map((frame) => frame.op === OP.HEARTBEAT && frame.n)).toEqual(
    Array.from({ length: 500 }, (_, n) => n),
  );
});

test('what is written in one turn is one socket write', async () => {
  bench = await startBench();
  const socket = bench.ws();
  const frames = received(socket);
  await opened(socket);
  const { sink } = bench.port.last;
  for (let n = 0; n < 100; n++) sink.write(encodeFrame(beat(n)));
  expect(sink.bufferedBytes).toBeGreaterThan(200);
  bench.endSlice();
  expect(bench.gateway.stats().socketWrites).toBe(1);
  expect(sink.bufferedBytes).toBeLessThan(1_000);
  await until('all frames', () => frames.length === 100);
});

test('written outside a slice, it goes out at the end of the turn', async () => {
  bench = await startBench();
  const socket = bench.ws();
  const frames = received(socket);
  await opened(socket);
  bench.port.last.send(beat(1), beat(2));
  await until('both frames', () => frames.length === 2);
  expect(bench.gateway.stats().socketWrites).toBe(1);
});

test('messages of all sizes up to the largest arrive whole, between pongs of the same socket', async () => {
  bench = await startBench();
  const socket = bench.ws();
  const frames = received(socket);
  let pongs = 0;
  socket.on('pong', () => pongs++);
  await opened(socket);
  const sizes = [0, 1, 60, 90, 100, 125, 126, 127, 128, 255, 4_095, 8_191, 16_384, 60_000, LIMITS.bodyBytesMax];
  for (const [seq, bytes] of sizes.entries()) {
    socket.ping(`p${seq}`);
    bench.port.last.send(entry(seq + 1, bytes));
    await until('the message', () => frames.length === seq + 1);
  }
  await until('the pongs', () => pongs === sizes.length);
  for (const [at, frame] of frames.entries()) {
    if (frame.op !== OP.RECEIVE_MESSAGE) throw new Error('not an entry');
    expect(frame.body.length).toBe(sizes[at]);
    expect(frame.body.every((byte) => byte === frame.seq)).toBe(true);
  }
});

test('a frame for many sockets arrives at each, also between others', async () => {
  bench = await startBench();
  const sockets = Array.from({ length: 300 }, () => bench.ws());
  const inboxes = sockets.map(received);
  await Promise.all(sockets.map(opened));
  const shared = encodeFrame(entry(7, 50));
  for (const [at, connection] of bench.port.connections.entries()) {
    if (at % 3 === 0) connection.send(beat(at));
    connection.sink.write(shared);
  }
  bench.endSlice();
  // 256 sockets had their turn; the others come after pending input.
  expect(bench.gateway.stats().socketWrites).toBe(256);
  const expected = bench.port.connections.reduce((sum, _, at) => sum + (at % 3 === 0 ? 2 : 1), 0);
  await until('all deliveries', () => inboxes.reduce((sum, inbox) => sum + inbox.length, 0) === expected);
  for (const inbox of inboxes) expect(inbox.at(-1)).toMatchObject({ op: OP.RECEIVE_MESSAGE, seq: 7 });
});

test('a full mailbox stops reading; nothing is lost or reordered when it drains', async () => {
  bench = await startBench();
  let open = false;
  let offered = 0;
  bench.port.take = () => {
    offered += 1;
    return open ? 'taken' : 'full';
  };
  const socket = bench.ws();
  await opened(socket);
  for (let n = 0; n < 20_000; n++) socket.send(heartbeat(n));
  await until('the first refusal', () => offered > 0);
  await until('the retry without a slice', () => offered > 2);
  expect(bench.port.last.frames).toHaveLength(0);
  // Three are taken, then it is full again.
  let budget = 3;
  bench.port.take = () => (budget-- > 0 ? 'taken' : 'full');
  bench.endSlice();
  expect(bench.port.last.frames).toHaveLength(3);
  open = true;
  bench.port.take = () => 'taken';
  bench.endSlice();
  await until('the rest', () => bench.port.last.frames.length === 20_000);
  expect(bench.port.last.frames.map((frame) => frame.op === OP.HEARTBEAT && frame.n)).toEqual(
    Array.from({ length: 20_000 }, (_, n) => n),
  );
});

test('a bad frame waits its turn behind frames that the cell has not taken', async () => {
  bench = await startBench();
  bench.port.take = () => 'full';
  const socket = bench.ws();
  const gone = closedWith(socket);
  await opened(socket);
  socket.send(heartbeat(1));
  socket.send(Buffer.from([0xc1]));
  await until('a stall', () => bench.gateway.stats().stalls === 1);
  expect(bench.port.last.broken).toHaveLength(0);
  bench.port.take = () => 'taken';
  bench.endSlice();
  await until('the end', () => bench.port.last.closed === 1);
  expect(bench.port.last.frames).toHaveLength(1);
  expect(bench.port.last.broken[0]?.code).toBe('bad_frame');
  expect((await gone).code).toBe(4100);
});

test('a socket whose cell was killed is closed at its next frame, also at one that had to wait', async () => {
  bench = await startBench();
  for (const waits of [false, true]) {
    bench.port.take = () => (waits ? 'full' : 'gone');
    const socket = bench.ws();
    const gone = closedWith(socket);
    await opened(socket);
    socket.send(heartbeat(1));
    if (waits) await until('a stall', () => bench.gateway.stats().stalls === 1);
    bench.port.take = () => 'gone';
    bench.endSlice();
    expect(await gone).toEqual({ code: CLOSE_CODES.serverFault.code, reason: 'serverFault' });
  }
  await until('no socket', () => bench.gateway.stats().connections === 0);
});

test('close says everything written before, then its code, and tells the cell once', async () => {
  bench = await startBench();
  const socket = bench.ws();
  const frames = received(socket);
  const gone = closedWith(socket);
  await opened(socket);
  const { sink } = bench.port.last;
  bench.port.last.send(beat(1), beat(2));
  sink.close('displaced');
  bench.port.last.send(beat(3));
  expect(await gone).toEqual({ code: 4102, reason: 'displaced' });
  expect(frames).toHaveLength(2);
  await until('the cell to know', () => bench.port.last.closed === 1);
  sink.close('goingAway');
  sink.write(encodeFrame(beat(4)));
  await until('the socket to be forgotten', () => bench.gateway.stats().connections === 0);
  expect(bench.port.last.closed).toBe(1);
});

test("a client's close is answered with its own code, and the cell hears at once", async () => {
  bench = await startBench();
  const socket = bench.ws();
  await opened(socket);
  const gone = closedWith(socket);
  socket.close(1000, 'bye');
  expect((await gone).code).toBe(1000);
  expect(bench.port.last.closed).toBe(1);
  const silent = bench.ws();
  await opened(silent);
  const also = closedWith(silent);
  silent.close();
  expect((await also).code).toBe(1005);
});

test('a client that vanishes is told of, with and without a FIN', async () => {
  bench = await startBench();
  const socket = bench.ws();
  await opened(socket);
  socket.terminate();
  await until('the reset', () => bench.port.last.closed === 1);
  const raw = bench.raw();
  raw.write(upgradeRequest());
  await until('the raw client', () => bench.port.connections.length === 2);
  raw.end();
  await until('the FIN', () => bench.port.last.closed === 1);
  await until('both to be forgotten', () => bench.gateway.stats().connections === 0);
});

test('a peer that never answers the close handshake is ended', async () => {
  bench = await startBench({}, { limits: { closeHandshakeMs: 100 } });
  const raws = [bench.raw(), bench.raw()];
  for (const raw of raws) raw.on('data', () => {}).write(upgradeRequest());
  await until('both', () => bench.port.connections.length === 2);
  for (const connection of bench.port.connections) connection.sink.close('goingAway');
  await until('the end of both', () => bench.gateway.stats().connections === 0);
});

test('a JSON connection hears and says the same in text', async () => {
  bench = await startBench();
  const socket = bench.ws({ json: true });
  const texts: string[] = [];
  socket.on('message', (data: Buffer, isBinary) => texts.push(`${isBinary}:${data}`));
  await opened(socket);
  socket.send('["HEARTBEAT",7]');
  socket.send('["SEND_MESSAGE","c","m1",0,"hej \u00e5",null,null,false]');
  await until('both frames', () => bench.port.last.frames.length === 2);
  expect(bench.port.last.frames[0]).toEqual({ op: OP.HEARTBEAT, n: 7 });
  expect(bench.port.last.frames[1]).toMatchObject({ body: new Uint8Array(Buffer.from('hej å')) });
  await until('the answer', () => texts.length === 1);
  expect(texts[0]).toBe('false:["HEARTBEAT",7]');
});

test('a JSON connection that sends rubbish or binary is told, and closed', async () => {
  bench = await startBench();
  for (const rubbish of ['{', '["NO_SUCH",1]', '[]', Buffer.from(heartbeat(1))]) {
    const socket = bench.ws({ json: true });
    const gone = closedWith(socket);
    await opened(socket);
    socket.send(rubbish);
    expect((await gone).code).toBe(4100);
    expect(bench.port.last.broken[0]?.code).toBe('bad_frame');
  }
});

test('a frame without a JSON form ends a JSON connection instead of leaving a hole', async () => {
  bench = await startBench();
  const socket = bench.ws({ json: true });
  const gone = closedWith(socket);
  await opened(socket);
  bench.port.last.sink.write(Uint8Array.of(0xc1));
  expect((await gone).code).toBe(4007);
});

test('data right behind the upgrade request is not lost', async () => {
  bench = await startBench();
  const raw = bench.raw();
  const message = heartbeat(5);
  const masked = Buffer.concat([Buffer.from([0x82, 0x80 | message.length, 0, 0, 0, 0]), message]);
  raw.write(Buffer.concat([Buffer.from(upgradeRequest()), masked]));
  await until('the frame', () => bench.port.connections.length === 1 && bench.port.last.frames.length === 1);
  expect(bench.port.last.frames[0]).toMatchObject({ op: OP.HEARTBEAT, n: 5 });
});

test('stop takes no new sockets, waits for those there, and ends the rest', async () => {
  bench = await startBench();
  const polite = bench.ws();
  const stubborn = bench.raw();
  await opened(polite);
  stubborn.on('data', () => {}).write(upgradeRequest());
  await until('both', () => bench.port.connections.length === 2);
  bench.gateway.stopAccepting();
  const gone = closedWith(polite);
  const stopped = bench.gateway.stop(2_000);
  await expect(opened(bench.ws())).rejects.toThrow();
  bench.port.connections[0]?.sink.close('goingAway');
  expect((await gone).code).toBe(4000);
  await stopped;
  await until('nothing is left', () => bench.gateway.stats().connections === 0);
  expect(bench.port.connections.map((connection) => connection.closed)).toEqual([1, 1]);
});
