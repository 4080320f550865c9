// Does a server serve? Asked in its own protocol, with bytes written by hand, since this runs before any driver is installed.
import { ask, getJson } from './waiting.mjs';

const CHECKS = {
  nats: natsServes,
  redis: redisServes,
  cassandra: cassandraServes,
  haproxy: haproxyServes,
};

/** @param {import('./server.mjs').Spec} spec */
export const isReady = (spec) => CHECKS[spec.kind](spec);

/** Its own word on JetStream: with several servers it says no until one of them leads. */
async function natsServes({ host, ports }) {
  return (await getJson(`http://${host}:${ports.monitor}/healthz`)).status === 'ok';
}

async function redisServes({ host, ports, ready }) {
  const sign = ready?.password ? `AUTH ${JSON.stringify(ready.password)}\r\n` : '';
  const answer = await ask(host, ready?.port ?? ports.port, Buffer.from(`${sign}PING\r\n`), (got) => {
    const text = got.toString('latin1');
    return /\+PONG|^-/m.exec(text)?.[0];
  });
  return answer === '+PONG';
}

async function haproxyServes({ host, ports }) {
  const response = await fetch(`http://${host}:${ports.stats}/stats;csv`, { signal: AbortSignal.timeout(2_000) });
  return response.ok;
}

const CQL = { STARTUP: 0x01, READY: 0x02, QUERY: 0x07, RESULT: 0x08 };
const CQL_HEADER_BYTES = 9;
const CQL_CONSISTENCY_ONE = 1;

/** It answers CQL, and knows as many others as it was started with. */
async function cassandraServes({ host, ports, ready }) {
  const version = Buffer.concat([short(1), text('CQL_VERSION'), text('3.0.0')]);
  const statement = Buffer.from('SELECT count(*) FROM system.peers_v2');
  const query = Buffer.concat([int(statement.length), statement, short(CQL_CONSISTENCY_ONE), Buffer.from([0])]);
  const peers = await ask(host, ports.port, frame(CQL.STARTUP, version), (got, socket) => {
    const frames = framesOf(got);
    const last = frames.at(-1);
    if (last === undefined) return undefined;
    if (last.opcode === CQL.READY && frames.length === 1) socket.write(frame(CQL.QUERY, query));
    // One row of one column: the number is the end of the answer.
    if (last.opcode === CQL.RESULT) return Number(last.body.readBigInt64BE(last.body.length - 8));
    return last.opcode === CQL.READY ? undefined : -1;
  });
  return peers >= (ready?.peers ?? 0);
}

const short = (n) => Buffer.from([n >> 8, n & 0xff]);
const text = (words) => Buffer.concat([short(words.length), Buffer.from(words)]);
function int(n) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(n);
  return bytes;
}

const frame = (opcode, body) => Buffer.concat([Buffer.from([4, 0, 0, 0, opcode]), int(body.length), body]);

function framesOf(got) {
  const frames = [];
  for (let at = 0; got.length - at >= CQL_HEADER_BYTES; ) {
    const end = at + CQL_HEADER_BYTES + got.readInt32BE(at + 5);
    if (got.length < end) break;
    frames.push({ opcode: got[at + 4], body: got.subarray(at + CQL_HEADER_BYTES, end) });
    at = end;
  }
  return frames;
}
