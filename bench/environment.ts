// Where a bench ran: what a reader needs to judge its figures. The disk's own sync time and this process's own event-loop delay are
// measured, since a slow disk and a busy machine explain most surprises.
import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { canPin } from './children.ts';

export interface Environment {
  readonly at: string;
  readonly node: string;
  readonly v8: string;
  readonly platform: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly pinned: boolean;
  readonly loadAverage: readonly number[];
  /** Median and 90th percentile of a 4 KiB append with fdatasync, ms. */
  readonly diskSyncMs: { readonly p50: number; readonly p90: number };
  /** A store on it syncs nothing: figures of durability mean little. */
  readonly dataInMemory: boolean;
  /** Of this process while it did nothing, ms: how busy the machine is with others. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

const SYNCS = 60;
const DELAY_MS = 1_000;
const TMPFS = 0x01021994;

export async function readEnvironment(dataDir: string): Promise<Environment> {
  mkdirSync(dataDir, { recursive: true });
  return {
    at: new Date().toISOString(),
    node: process.version,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}`,
    kernel: release(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    pinned: canPin(),
    loadAverage: loadavg().map((load) => Math.round(load * 100) / 100),
    diskSyncMs: measureSync(dataDir),
    dataInMemory: statfsSync(dataDir).type === TMPFS,
    loopDelayMs: await measureDelay(),
  };
}

function measureSync(dataDir: string): { p50: number; p90: number } {
  const path = join(dataDir, 'sync-probe');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4_096, 1);
  const took: number[] = [];
  for (let i = 0; i < SYNCS; i++) {
    const begin = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    took.push(performance.now() - begin);
  }
  closeSync(file);
  rmSync(path);
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(share * (took.length - 1))] ?? 0;
  return { p50: at(0.5), p90: at(0.9) };
}

async function measureDelay(): Promise<{ p50: number; p99: number; max: number }> {
  const resolution = 5;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
  delay.disable();
  const over = (ns: number): number => Math.max(0, ns / 1e6 - resolution);
  return { p50: over(delay.percentile(50)), p99: over(delay.percentile(99)), max: over(delay.max) };
}
