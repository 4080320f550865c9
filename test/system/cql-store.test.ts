// The contract of a store, kept by the CQL store on a real server.
import { afterAll } from 'vitest';
import { storeContract } from '../../storage/contract.ts';
import { createKeyspace, withNamespace } from './cql.ts';
import { describeUnless } from './describe-unless.ts';
import { isSkipped, sharedCassandra, theServers, whyNot } from './servers.ts';

const cassandra = await sharedCassandra();

describeUnless(whyNot(cassandra), 'Cassandra', async () => {
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
