import { type Client, errors, types } from 'cassandra-driver';
import { describe, expect, test } from 'vitest';
import { testEnv } from '../testing/test-env.ts';
import { entry, faultOf } from '../testing/writes.ts';
import { batchesOf } from './batches.ts';
import { sendAll } from './commit.ts';
import { outcomeOf } from './faults.ts';
import { Guard } from './guard.ts';
import { CQL_LIMITS } from './options.ts';

const { responseErrorCodes } = types;
const refused = (code: number) => new errors.ResponseError(code, 'no');
const down = (reason: unknown = 'Host considered as DOWN') => new errors.NoHostAvailableError({ '10.0.0.1': reason });
const socket = (notWritten: boolean) =>
  Object.assign(new Error('Socket was closed'), { isSocketError: true, requestNotWritten: notWritten });

describe('what an error says of a write', () => {
  test.each([
    ['no server is up', down(), 'unsent'],
    ['no connection can be had', down(new errors.BusyConnectionError('10.0.0.1', 1, 1)), 'unsent'],
    ['the socket closed before it was written', down(socket(true)), 'unsent'],
    ['the socket closed after it', down(socket(false)), 'unknown'],
    ['it was sent, and no other server is left', down(null), 'unknown'],
    [
      'one was down, one was late',
      new errors.NoHostAvailableError({ a: 'down', b: new errors.OperationTimedOutError('late') }),
      'unknown',
    ],
    ['no answer', new errors.OperationTimedOutError('late'), 'unknown'],
    ['too few replicas answered', refused(responseErrorCodes.writeTimeout), 'unknown'],
    [
      'too few replicas are up, and a try before may have been taken',
      refused(responseErrorCodes.unavailableException),
      'unknown',
    ],
    ['the server has too much to do', refused(responseErrorCodes.overloaded), 'unknown'],
    ['the server does not understand it', refused(responseErrorCodes.invalid), 'invalid'],
    ['it is not allowed', refused(responseErrorCodes.unauthorized), 'invalid'],
    ['the driver cannot encode it', new TypeError('Not a valid bigint'), 'invalid'],
    ['who knows', new Error('?'), 'unknown'],
  ])('%s', (_what, error, outcome) => {
    expect(outcomeOf(error)).toBe(outcome);
  });
});

describe('a commit of several batches', () => {
  /** A server that answers each request with the next of `answers`, the last one for ever. */
  function setUp(answers: readonly (Error | null)[], limits: Partial<typeof CQL_LIMITS> = {}) {
    const clock = testEnv();
    const all = { ...CQL_LIMITS, ...limits };
    let requests = 0;
    const answer = async () => {
      const error = answers[Math.min(requests++, answers.length - 1)];
      if (error) throw error;
    };
    const client = { execute: answer, batch: answer } as unknown as Client;
    const guard = new Guard(
      'writes',
      {
        atOnceMax: all.writesMax,
        waitingMax: all.writesWaitingMax,
        requestMs: 100,
        breakAfter: all.breakAfter,
        breakMs: 60_000,
      },
      clock.env,
    );
    const commit = (count: number) =>
      sendAll(
        client,
        guard,
        batchesOf(
          Array.from({ length: count }, (_, i) => entry(`c:${i}`, 1)),
          all,
        ),
        all.batchesMax,
      );
    return { clock, guard, commit, sent: () => requests };
  }

  test('is stored when all are', async () => {
    const { commit, sent } = setUp([null]);
    await commit(200);
    expect(sent()).toBe(200);
  });

  test('has failed when nothing was sent, and is unknown when one was', async () => {
    expect(await faultOf(setUp([down()]).commit(3))).toBe('failed');
    expect(await faultOf(setUp([null, down()]).commit(3))).toBe('unknown');
    expect(await faultOf(setUp([new errors.OperationTimedOutError('late'), down()]).commit(3))).toBe('unknown');
  });

  test('goes no further than the first that was not stored', async () => {
    const { commit, sent } = setUp([down()], { batchesMax: 4 });
    expect(await faultOf(commit(100))).toBe('failed');
    expect(sent()).toBe(4);
  });

  test('of which one can never be stored is the fault of whoever made it', async () => {
    await expect(setUp([null, refused(responseErrorCodes.invalid), down()]).commit(3)).rejects.toThrow(
      errors.ResponseError,
    );
  });

  test('is cut off when the server has not answered for long, and fails unsent after that', async () => {
    const { commit, sent } = setUp([new errors.OperationTimedOutError('late')], { breakAfter: 3, batchesMax: 3 });
    expect(await faultOf(commit(3))).toBe('unknown');
    expect(await faultOf(commit(3))).toBe('failed');
    expect(sent()).toBe(3);
  });

  test('fails unsent when too many wait already', async () => {
    const clock = testEnv();
    const guard = new Guard(
      'writes',
      { atOnceMax: 1, waitingMax: 1, requestMs: 100, breakAfter: 9, breakMs: 1 },
      clock.env,
    );
    const never = () => new Promise<void>(() => {});
    const first = guard.run(never).catch((error: unknown) => outcomeOf(error));
    const second = guard.run(never).catch((error: unknown) => outcomeOf(error));
    expect(await guard.run(never).catch((error: unknown) => outcomeOf(error))).toBe('unsent');
    expect(guard.stats).toMatchObject({ inFlight: 1, waiting: 1, broken: false, refused: 1 });
    await clock.advance(100);
    expect(await first).toBe('unknown');
    await clock.advance(100);
    expect(await second).toBe('unknown');
  });
});
