import { Client } from 'cassandra-driver';
import { expect, test } from 'vitest';
import { type ControlConnection, controlOf, inTurn } from './control.ts';

/** As the driver's: whoever begins takes away what the one before has found, which then fails. */
class Racing implements ControlConnection {
  connection: object | null = null;
  fails = 0;
  looks = 0;
  atOnce = 0;
  atOnceMost = 0;
  readonly told: string[] = [];
  readonly tell = (message: string): void => void this.told.push(message);

  async _refresh(hosts?: Iterator<unknown>): Promise<void> {
    this.looks++;
    this.atOnceMost = Math.max(this.atOnceMost, ++this.atOnce);
    this.connection = null;
    await turn();
    if (hosts === undefined && this.looks === 1) await this._refresh([][Symbol.iterator]());
    if (this.fails-- > 0) {
      this.atOnce--;
      throw new TypeError('Cannot read properties of null');
    }
    this.connection = {};
    await turn();
    this.atOnce--;
    if (this.connection === null) throw new TypeError("Cannot read properties of null (reading 'once')");
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the control connection is looked for by one after the other, also by one that asks in the middle of it', async () => {
  const control = new Racing();
  inTurn(control, control.tell);
  const first = control._refresh();
  await turn();
  await Promise.all([first, control._refresh(), control._refresh()]);
  // The first, its own next try within it, and one for the two that asked meanwhile.
  expect(control.looks).toBe(3);
  expect(control.atOnceMost).toBe(2);
  expect(control.connection).not.toBe(null);
  expect(control.told).toEqual([]);
});

test('a failure of it is told, nobody has to hear it, and it is tried again three times and no more', async () => {
  const control = new Racing();
  control.fails = 2;
  control.looks = 1;
  inTurn(control, control.tell);
  await control._refresh();
  expect(control.told.length).toBe(2);
  expect(control.connection).not.toBe(null);
  control.fails = 9;
  await control._refresh();
  expect(control.told.length).toBe(5);
  control.fails = 0;
  await control._refresh();
  expect(control.connection).not.toBe(null);
});

test('the driver has it where we look for it', async () => {
  const client = new Client({ contactPoints: ['127.0.0.1'], localDataCenter: 'dc' });
  expect(controlOf(client)._refresh).toBeTypeOf('function');
  await client.shutdown();
});
