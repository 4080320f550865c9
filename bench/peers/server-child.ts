// What every server under test can be asked: processor time of all its threads, memory, a profile. Used by the peers' mains.
import { readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { type Answers, announce, serveParent } from '../child-port.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ServerUsage {
  readonly atMs: number;
  /** Microseconds of processor time since the start, all threads. */
  readonly userUs: number;
  readonly systemUs: number;
  /** Milliseconds that the event loop was busy since the start. */
  readonly loopMs: number;
  /** Of `userUs` and `systemUs` the main thread's share, in steps of the kernel's clock (10 ms); null where /proc is not. */
  readonly mainThreadUs: number | null;
  readonly voluntarySwitches: number;
  readonly involuntarySwitches: number;
}

export interface ServerMemory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly malloced: number;
  /** Taken by the young generation, which grows with the rush of connects and says nothing of a connection. */
  readonly youngTotal: number;
}

export interface RunningServer {
  /** Several when the process holds several nodes. */
  readonly address: ServerAddress | readonly ServerAddress[];
  /** Anything worth a line in the report. */
  stats(): unknown;
  stop(): Promise<void>;
  /** What only this kind of server can be asked. */
  readonly more?: Answers;
}

export function serveBench(server: RunningServer): void {
  const profiler = new Session();
  profiler.connect();
  let begun: Promise<unknown> | null = null;
  serveParent({
    usage,
    memory,
    gc: () => {
      for (let i = 0; i < 3; i++) globalThis.gc?.();
      return memory();
    },
    stats: () => server.stats(),
    ...server.more,
    profileStart: async () => {
      await profiler.post('Profiler.enable');
      await profiler.post('Profiler.setSamplingInterval', { interval: 200 });
      begun = profiler.post('Profiler.start');
      await begun;
    },
    profileStop: async (args: { path: string }) => {
      const { profile } = await profiler.post('Profiler.stop');
      writeFileSync(args.path, JSON.stringify(profile));
    },
    heapSample: async (args: { path: string }) => {
      globalThis.gc?.();
      const { profile } = await profiler.post('HeapProfiler.getSamplingProfile');
      writeFileSync(args.path, JSON.stringify(profile));
    },
    heapSampling: () => profiler.post('HeapProfiler.startSampling', { samplingInterval: 4_096 }),
    stop: async () => {
      await server.stop();
      setImmediate(() => process.exit(0));
    },
  });
  announce(server.address);
}

function usage(): ServerUsage {
  const used = process.resourceUsage();
  return {
    atMs: performance.now(),
    userUs: used.userCPUTime,
    systemUs: used.systemCPUTime,
    loopMs: performance.eventLoopUtilization().active,
    mainThreadUs: mainThreadUs(),
    voluntarySwitches: used.voluntaryContextSwitches,
    involuntarySwitches: used.involuntaryContextSwitches,
  };
}

const TICK_US = 10_000;

/** The first thread of a process has its number. */
function mainThreadUs(): number | null {
  try {
    const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    return null;
  }
}

function memory(): ServerMemory {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  const malloced = getHeapStatistics().malloced_memory;
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
  return { rss, heapUsed, heapTotal, external, arrayBuffers, malloced, youngTotal: young?.space_size ?? 0 };
}
