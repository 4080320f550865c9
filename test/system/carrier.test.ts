// Mail between nodes over real NATS: the contract of the carrier, and links that outlive the server.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startNats } from '#services';
import { carrierContract } from '../../cluster/carrier-contract.ts';
import { type Carrier, type NodeId, NodeLinks, nodeIdOf } from '../../cluster/index.ts';
import { connectNatsCarrier } from '../../cluster/nats/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { describeUnless } from './describe-unless.ts';
import { ownName, sharedNats, theServers, whyNot } from './servers.ts';

const nats = await sharedNats();
const env = createRealEnv(silentLog);

const SETTLE = ownName('settle');
let settles = 0;
/** A word of each to each: behind it all that it said before has arrived, and what it listens to is known to the server. */
async function allHeard(carriers: readonly Carrier[]): Promise<void> {
  const here = carriers.filter(({ connected }) => connected);
  const subject = `${SETTLE}.${++settles}`;
  const heard = here.map((carrier) => {
    const from = new Set<number>();
    return { from, stop: carrier.subscribe(subject, ([who = 0]) => from.add(who)) };
  });
  const said = (): boolean => {
    // Again and again: a server may not know yet who listens.
    for (const [who, carrier] of here.entries()) carrier.publish(subject, Uint8Array.of(who));
    return heard.every(({ from }) => from.size === here.length);
  };
  await expect.poll(said, { timeout: 10_000, interval: 5 }).toBe(true);
  for (const { stop } of heard) stop();
}

describeUnless(whyNot(nats), 'over NATS', () => {
  carrierContract('NATS', async () => {
    const opened: Awaited<ReturnType<typeof connectNatsCarrier>>[] = [];
    return {
      connect: async () => {
        const carrier = await connectNatsCarrier({ env, servers: theServers(nats).urls, name: 'contract' });
        opened.push(carrier);
        return carrier;
      },
      settle: () => allHeard(opened),
      discard: async () => {},
    };
  });

  const linked = async (servers: readonly string[], a: NodeId, b: NodeId) => {
    const prefix = ownName('links');
    const got: number[] = [];
    const broken: string[] = [];
    const lost: number[] = [];
    const read = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    const end = async (self: NodeId) => {
      const carrier = await connectNatsCarrier({ env, servers, name: self });
      const links = new NodeLinks({
        env,
        carrier,
        self,
        prefix,
        epoch: () => 1,
        accepts: () => true,
        onMail: (_from, mail) => got.push(read(mail)),
        onBroken: (node, mails, why) => {
          broken.push(`${self} lost ${node}: ${why}`);
          lost.push(...mails.map(({ bytes }) => read(bytes)));
        },
      });
      return { carrier, links };
    };
    const ends = [await end(a), await end(b)] as const;
    const mail = (n: number) => {
      const bytes = new Uint8Array(100);
      new DataView(bytes.buffer).setUint32(0, n);
      return bytes;
    };
    const close = async () => {
      for (const { links, carrier } of ends) {
        links.close();
        await carrier.close();
      }
    };
    return { ends, got, broken, lost, mail, close };
  };

  test('a million mails arrive once and in order', async () => {
    const [a, b] = [nodeIdOf('a', '1'), nodeIdOf('b', '1')];
    const { ends, got, broken, mail, close } = await linked(theServers(nats).urls, a, b);
    const count = 1_000_000;
    const started = env.now();
    for (let n = 0; n < count; ) {
      if (ends[0].links.send(b, mail(n)) === null) n++;
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => got.length, { timeout: 60_000 }).toBe(count);
    console.log(`${Math.round((count / (env.now() - started)) * 1_000)} mails/s over NATS`);
    expect(got.every((n, at) => n === at)).toBe(true);
    expect(broken).toEqual([]);
    await close();
  });

  test('a server that is killed and comes back in the middle costs nothing that was taken', async () => {
    const own = theServers(await startNats());
    const [a, b] = [nodeIdOf('a', '1'), nodeIdOf('b', '1')];
    const { ends, got, broken, lost, mail, close } = await linked(own.urls, a, b);
    let taken = 0;
    let running = true;
    const sending = (async () => {
      while (running) {
        for (let n = 0; n < 200; n++) if (ends[0].links.send(b, mail(taken)) === null) taken++;
        await sleep(2);
      }
    })();
    for (let round = 0; round < 3; round++) {
      await expect.poll(() => got.length, { timeout: 20_000 }).toBeGreaterThan(round * 20_000 + 10_000);
      await own.kill();
      await sleep(1_000);
      await own.start();
    }
    await expect.poll(() => got.length, { timeout: 20_000 }).toBeGreaterThan(70_000);
    running = false;
    await sending;
    await expect.poll(() => got.length + lost.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(taken);
    expect(broken).toEqual([]);
    expect(got.length).toBe(taken);
    expect(got.every((n, at) => n === at)).toBe(true);
    expect(ends[0].links.stats().resends).toBeGreaterThan(0);
    await close();
    await own.dispose();
  });

  test('a server that stays away breaks the link, and every mail that was taken is accounted for', async () => {
    const own = theServers(await startNats());
    const [a, b] = [nodeIdOf('a', '1'), nodeIdOf('b', '1')];
    const { ends, got, broken, lost, mail, close } = await linked(own.urls, a, b);
    for (let n = 0; n < 100; n++) expect(ends[0].links.send(b, mail(n))).toBeNull();
    await expect.poll(() => got.length, { timeout: 5_000 }).toBe(100);
    await expect.poll(() => ends[0].links.stats().links.every(({ mails }) => mails === 0)).toBe(true);
    await own.kill();
    await expect.poll(() => ends[0].carrier.connected, { timeout: 5_000 }).toBe(false);
    expect(ends[0].carrier.publish('x', new Uint8Array(1))).toBe(false);
    let taken = 100;
    for (let n = 0; n < 20_000; n++) if (ends[0].links.send(b, mail(taken)) === null) taken++;
    expect(taken).toBe(100 + 16_384);
    await expect.poll(() => broken, { timeout: 20_000 }).toEqual([`${a} lost ${b}: silent`]);
    expect(lost).toEqual(Array.from({ length: 16_384 }, (_, n) => n + 100));
    expect(ends[0].links.send(b, mail(0))).toBe('noconnection');
    await own.start();
    await expect.poll(() => broken.length, { timeout: 20_000 }).toBe(2);
    expect(broken[1]).toBe(`${b} lost ${a}: gaveUp`);
    await expect.poll(() => ends[0].links.send(b, mail(7)), { timeout: 10_000 }).toBeNull();
    await expect.poll(() => got.at(-1), { timeout: 5_000 }).toBe(7);
    await close();
    await own.dispose();
  });
});
