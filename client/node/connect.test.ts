import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { decodeClientFrame, encodeFrame, OP } from '../../protocol/index.ts';
import { type ClientState, connect, type ParleyClient } from '../index.ts';
import { welcomeOf } from '../testing/scripted-client.ts';

let server: WebSocketServer;
let url = '';
let folder = '';
const sockets: WebSocket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-'));
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/v1/connect' });
  await new Promise((done) => server.once('listening', done));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('message', (data: Buffer) => {
      const frame = decodeClientFrame(data);
      if (frame.op === OP.HELLO) socket.send(encodeFrame(welcomeOf({ time: Date.now() })));
      if (frame.op === OP.SEND_MESSAGE)
        socket.send(encodeFrame({ op: OP.SENT, chat: frame.chat, id: frame.id, seq: 1, ts: 1 }));
    });
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await new Promise((done) => server.close(done));
  rmSync(folder, { recursive: true });
});

function until(client: ParleyClient, is: ClientState['is']): Promise<ClientState> {
  return new Promise((done) => {
    const off = client.on('state', (state) => {
      if (state.is !== is) return;
      off();
      done(state);
    });
  });
}

describe('connect in Node', () => {
  it('signs in over a real socket, sends from a real file, comes back, and closes', async () => {
    const store = { file: join(folder, 'outbox') };
    const client = connect(url, { device: 'd1', store, getToken: async () => 'token' });
    const sent = client.chat('c').send({ text: 'hi' }).sent();
    await until(client, 'online');
    expect(await sent).toEqual({ seq: 1, ts: 1 });
    sockets[0]?.terminate();
    await until(client, 'reconnecting');
    await until(client, 'online');
    expect(sockets).toHaveLength(2);
    const gone = new Promise((done) => sockets[1]?.once('close', done));
    expect(await client.close({ flush: 1_000 })).toEqual({ unsent: 0 });
    expect(await gone).toBe(1000);
  });

  it('tries again when there is no server, and says why', async () => {
    const client = connect('ws://127.0.0.1:1', { device: 'd1', getToken: () => 'token' });
    expect(await until(client, 'reconnecting')).toMatchObject({
      attempt: 1,
      reason: expect.stringContaining('ECONNREFUSED'),
    });
    await client.close();
  });
});
