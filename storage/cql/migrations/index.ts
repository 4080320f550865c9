// All migrations, in order. A new one is a file and a line here; those that were released never change.
import { first } from './001-first.ts';
import type { Migration } from './migration.ts';

export type { Migration } from './migration.ts';
export const migrations: readonly Migration[] = [first];
export const newestMigration: number = migrations.length;
