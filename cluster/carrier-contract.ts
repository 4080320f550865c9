// The contract of the carrier seam, run against every carrier: `carrierContract('memory', make)` inside a vitest file of the carrier.
// A carrier may lose what it is given; the suite runs it where nothing goes wrong, and asks for what links build upon.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Carrier } from './carrier.ts';

export interface CarrierUnderTest {
  /** Another carrier on the same network, as of a process of its own. */
  connect(): Promise<Carrier>;
  /** Lets everything under way arrive. */
  settle(): Promise<void>;
  /** All carriers are closed already. */
  discard(): Promise<void>;
}

export function carrierContract(name: string, make: () => Promise<CarrierUnderTest>): void {
  describe(`${name} keeps the contract of a carrier`, () => {
    let network: CarrierUnderTest;
    const opened: Carrier[] = [];
    const connect = async () => {
      const carrier = await network.connect();
      opened.push(carrier);
      return carrier;
    };
    const bytes = (...values: number[]) => Uint8Array.from(values);
    const listen = (carrier: Carrier, subject: string) => {
      const got: number[][] = [];
      const stop = carrier.subscribe(subject, (message) => got.push([...message]));
      return { got, stop };
    };

    beforeEach(async () => {
      network = await make();
    });
    afterEach(async () => {
      for (const carrier of opened.splice(0)) await carrier.close();
      await network.discard();
    });

    test('what one publishes reaches who subscribed, in order, and nobody else', async () => {
      const [a, b] = [await connect(), await connect()];
      const { got } = listen(b, 'parley.mail.b');
      const other = listen(b, 'parley.mail.c');
      await network.settle();
      for (let n = 0; n < 200; n++) expect(a.publish('parley.mail.b', bytes(n))).toBe(true);
      await network.settle();
      expect(got).toEqual(Array.from({ length: 200 }, (_, n) => [n]));
      expect(other.got).toEqual([]);
    });

    test('all subscribers of a subject hear it, the publisher too', async () => {
      const [a, b] = [await connect(), await connect()];
      const all = [listen(a, 'x'), listen(b, 'x'), listen(b, 'x')];
      await network.settle();
      a.publish('x', bytes(7));
      await network.settle();
      expect(all.map(({ got }) => got)).toEqual([[[7]], [[7]], [[7]]]);
    });

    test('it never hands over while it is given', async () => {
      const a = await connect();
      const { got } = listen(a, 'x');
      await network.settle();
      a.publish('x', bytes(1));
      expect(got).toEqual([]);
      await network.settle();
      expect(got).toEqual([[1]]);
    });

    test('a subject that nobody listens to takes all the same', async () => {
      const a = await connect();
      expect(a.publish('nobody', bytes(1))).toBe(true);
    });

    test('who stopped listening hears nothing more', async () => {
      const [a, b] = [await connect(), await connect()];
      const first = listen(b, 'x');
      const second = listen(b, 'x');
      await network.settle();
      first.stop();
      await network.settle();
      a.publish('x', bytes(1));
      await network.settle();
      expect([first.got, second.got]).toEqual([[], [[1]]]);
    });

    test('bytes arrive as they were, none and the most that it takes', async () => {
      const [a, b] = [await connect(), await connect()];
      const got: Uint8Array[] = [];
      b.subscribe('x', (message) => got.push(message));
      await network.settle();
      const most = Uint8Array.from({ length: b.payloadMax }, (_, n) => (n * 31) & 255);
      expect(b.payloadMax).toBeGreaterThanOrEqual(65_536 + 1_024);
      expect(a.publish('x', new Uint8Array(0))).toBe(true);
      expect(a.publish('x', most)).toBe(true);
      await network.settle();
      expect(got.map((message) => message.byteLength)).toEqual([0, most.byteLength]);
      expect(Buffer.compare(got[1] ?? new Uint8Array(0), most)).toBe(0);
    });

    test('more than the most is not taken, and harms nothing', async () => {
      const [a, b] = [await connect(), await connect()];
      const { got } = listen(b, 'x');
      await network.settle();
      expect(a.publish('x', new Uint8Array(a.payloadMax + 1))).toBe(false);
      expect(a.publish('x', bytes(1))).toBe(true);
      await network.settle();
      expect(got).toEqual([[1]]);
    });

    test('after close nothing is taken and nothing comes', async () => {
      const [a, b] = [await connect(), await connect()];
      const { got } = listen(b, 'x');
      await network.settle();
      expect([a.connected, b.connected]).toEqual([true, true]);
      await b.close();
      a.publish('x', bytes(1));
      await a.close();
      await network.settle();
      expect(got).toEqual([]);
      expect([a.connected, b.connected]).toEqual([false, false]);
      expect(a.publish('x', bytes(1))).toBe(false);
    });
  });
}
