// The contract of a store, kept by the CQL store on a real server.
import { afterAll, describe } from 'vitest';
import { storeContract } from '../../storage/contract.ts';
import { createKeyspace, withNamespace } from './cql.ts';
import { isSkipped, sharedCassandra, theServers } from './servers.ts';

const cassandra = await sharedCassandra();

describe.skipIf(isSkipped(cassandra))('Cassandra', async () => {
  if (isSkipped(cassandra)) return;
  const keyspace = await createKeyspace(theServers(cassandra), 'contract');
  afterAll(() => keyspace.drop());
  let space = 0;
  storeContract(
    'cql',
    async () => {
      const mine = ++space;
      return {
        open: async () => withNamespace(await keyspace.open(), mine),
        discard: async () => {},
      };
    },
    { sweeps: false, fencesAll: false },
  );
});
