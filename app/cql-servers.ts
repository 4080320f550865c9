// From the configuration to the servers of the CQL store: reads the files that it names. Loads no driver.
import type { CqlServers } from '../storage/cql/index.ts';
import type { AuthFiles } from './auth.ts';
import type { CqlConfig } from './config-cql.ts';
import type { ConfigProblem } from './config-load.ts';

export type ServersFromConfig =
  | { readonly ok: true; readonly servers: CqlServers }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Reads the files that the configuration names. */
export function cqlServersFromConfig(config: CqlConfig, files: AuthFiles): ServersFromConfig {
  const problems: ConfigProblem[] = [];
  const problem = (name: string, about: string): void =>
    void problems.push({ path: `storage.cql.${name}`, about, from: `storage.cql.${name}` });
  const read = (name: 'passwordFile' | 'tlsCaFile' | 'tlsCertFile' | 'tlsKeyFile'): string | undefined => {
    const file = config[name];
    if (file === null) return undefined;
    try {
      return files.readText(file);
    } catch (error) {
      problem(name, `cannot read ${file}: ${error instanceof Error ? error.message : 'unknown'}`);
      return undefined;
    }
  };
  if (config.password !== null && config.passwordFile !== null)
    problem('passwordFile', 'set either password or passwordFile');
  const password = config.password ?? read('passwordFile')?.trim() ?? null;
  if ((config.username === null) !== (password === null))
    problem('username', 'a user has a password, and a password a user');
  const { username } = config;
  const pem = { ca: read('tlsCaFile'), cert: read('tlsCertFile'), key: read('tlsKeyFile') };
  if (!config.tls && Object.values(pem).some((text) => text !== undefined))
    problem('tls', 'there are files for TLS, and it is off');
  if ((pem.cert === undefined) !== (pem.key === undefined))
    problem('tlsKeyFile', 'a certificate has a key, and a key a certificate');
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    servers: {
      contactPoints: config.contactPoints,
      localDataCenter: config.localDataCenter,
      credentials: username === null || password === null ? null : { username, password },
      tls: config.tls
        ? {
            verify: config.tlsVerify,
            ...(pem.ca === undefined ? {} : { ca: pem.ca }),
            ...(pem.cert === undefined ? {} : { cert: pem.cert }),
            ...(pem.key === undefined ? {} : { key: pem.key }),
          }
        : null,
    },
  };
}

export function replicationFromConfig({ replication, localDataCenter }: CqlConfig): Readonly<Record<string, number>> {
  if (replication.length === 0) return { [localDataCenter]: 3 };
  return Object.fromEntries(
    replication.map((part) => {
      const at = part.lastIndexOf('=');
      return [part.slice(0, at), Number(part.slice(at + 1))];
    }),
  );
}
