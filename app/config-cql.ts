// The options of the CQL store: `storage.cql`. A part of config.ts, which knows how options are told.
import { z } from 'zod';

const maybe = (about: string) => z.string().min(1).nullable().default(null).describe(about);
const ms = (usual: number, about: string) => z.int().min(50).max(600_000).default(usual).describe(about);
const count = (usual: number, about: string) => z.int().min(1).max(1_000_000).default(usual).describe(about);

export const cql = z.strictObject({
  contactPoints: z
    .array(z.string().min(1))
    .min(1)
    .max(256)
    .default(['127.0.0.1:9042'])
    .describe('Servers to ask first, host or host:port; the others of the data centre are found.'),
  localDataCenter: z.string().min(1).default('datacenter1').describe('Data centre whose servers are used.'),
  keyspace: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,47}$/)
    .default('parley')
    .describe('Where the tables are; made by `parley migrate`.'),
  username: maybe('Who we are to the servers; null: they do not ask.'),
  password: z.string().nullable().default(null).meta({ description: 'Password of that user.', secret: true }),
  passwordFile: maybe('File with that password; white space at its ends is dropped.'),
  tls: z.boolean().default(false).describe('Talk TLS to the servers.'),
  tlsCaFile: maybe('PEM file of the authorities that their certificates are from; null: those of the system.'),
  tlsCertFile: maybe('PEM file of our own certificate, for servers that ask for one.'),
  tlsKeyFile: maybe('PEM file of its key.'),
  tlsVerify: z.boolean().default(true).describe('Refuse servers whose certificate is not good for their name.'),
  consistency: z
    .enum(['localQuorum', 'quorum'])
    .default('localQuorum')
    .describe('Who must have a row before it counts: most replicas of this data centre, or of all.'),
  commitLog: z
    .enum(['refuse', 'warn', 'ignore'])
    .default('warn')
    .describe('When a Cassandra confirms what is not on its disk yet (commitlog_sync: periodic).'),
  replication: z
    .array(z.string().regex(/^[A-Za-z0-9_.-]{1,64}=[1-9][0-9]?$/))
    .max(64)
    .default([])
    .describe('Replicas by data centre, such as dc1=3, for `parley migrate`; empty: 3 in localDataCenter.'),
  tablets: z
    .boolean()
    .default(true)
    .describe(
      'false makes a keyspace without tablets: ScyllaDB before 2025.4 needs that, Cassandra knows no such thing.',
    ),
  requestMs: ms(2_500, 'How long one server may take for one request, ms.'),
  commitMs: ms(6_000, 'After this long the outcome of a write is unknown, and it is written again, ms.'),
  readMs: ms(5_000, 'After this long a read has failed, ms.'),
  writesMax: count(256, 'Write requests in flight; 16 times as many wait, more are refused.'),
  readsMax: count(128, 'Read requests in flight; 16 times as many wait, more are refused.'),
});
export type CqlConfig = z.output<typeof cql>;
