import { expect, test } from 'vitest';
import { loadConfig } from './config-load.ts';
import { cqlServersFromConfig, replicationFromConfig } from './cql-servers.ts';

const files = {
  readText: (path: string) => {
    if (path === 'gone') throw new Error('no such file');
    return `content of ${path}\n`;
  },
};
const read = (flags: Readonly<Record<string, unknown>>) => {
  const loaded = loadConfig({
    flags: Object.fromEntries(Object.entries(flags).map(([k, v]) => [`storage.cql.${k}`, v])),
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config.storage.cql;
};

test('credentials and keys come from files, and only go together', () => {
  const found = cqlServersFromConfig(
    read({
      username: 'parley',
      passwordFile: 'pw',
      tls: true,
      tlsCaFile: 'ca',
      tlsCertFile: 'cert',
      tlsKeyFile: 'key',
    }),
    files,
  );
  expect(found).toMatchObject({
    ok: true,
    servers: {
      credentials: { username: 'parley', password: 'content of pw' },
      tls: { verify: true, ca: 'content of ca\n', cert: 'content of cert\n', key: 'content of key\n' },
    },
  });
  expect(cqlServersFromConfig(read({}), files)).toMatchObject({ ok: true, servers: { credentials: null, tls: null } });
});

test('what does not fit together is told, all of it', () => {
  const problems = (flags: Readonly<Record<string, unknown>>) => {
    const found = cqlServersFromConfig(read(flags), files);
    return found.ok ? [] : found.problems.map(({ path }) => path);
  };
  expect(problems({ username: 'parley' })).toEqual(['storage.cql.username']);
  expect(problems({ username: 'a', password: 'b', passwordFile: 'pw' })).toEqual(['storage.cql.passwordFile']);
  expect(problems({ tls: true, tlsCaFile: 'gone', tlsCertFile: 'cert' })).toEqual([
    'storage.cql.tlsCaFile',
    'storage.cql.tlsKeyFile',
  ]);
  expect(problems({ tlsCaFile: 'ca' })).toEqual(['storage.cql.tls']);
});

test('three replicas where we are, unless others are named', () => {
  expect(replicationFromConfig(read({ localDataCenter: 'eu' }))).toEqual({ eu: 3 });
  expect(replicationFromConfig(read({ replication: 'eu=3,us-east=2' }))).toEqual({ eu: 3, 'us-east': 2 });
});
