// The files and flags that a Cassandra distribution brings and its jars do not.
import { join } from 'node:path';

/** Those of Cassandra's own list for Java 17. */
const EXPORTS = [
  'java.base/jdk.internal.misc',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'java.base/java.lang.ref',
  'jdk.unsupported/sun.misc',
  'jdk.compiler/com.sun.tools.javac.file',
  'jdk.attach/sun.tools.attach',
];
const OPENS = [
  'java.base/java.lang.module',
  'java.base/jdk.internal.loader',
  'java.base/jdk.internal.ref',
  'java.base/jdk.internal.reflect',
  'java.base/jdk.internal.math',
  'java.base/jdk.internal.module',
  'java.base/jdk.internal.util.jar',
  'jdk.management/com.sun.management.internal',
  'java.base/sun.nio.ch',
  'java.base/java.io',
  'java.base/java.lang.reflect',
  'jdk.compiler/com.sun.tools.javac',
  'java.base/java.lang',
  'java.base/java.util',
];
export function jvmArgs({ jars, folder, heapMb, load }) {
  return [
    `-Xms${Math.min(128, heapMb)}m`,
    `-Xmx${heapMb}m`,
    '-Xss512k',
    '-XX:+UseSerialGC',
    '-XX:MaxDirectMemorySize=256m',
    ...(load ? [] : ['-XX:TieredStopAtLevel=1']),
    '-XX:+PerfDisableSharedMem',
    '-XX:+ExitOnOutOfMemoryError',
    `-javaagent:${join(jars, 'jamm-0.4.0.jar')}`,
    '-Djava.net.preferIPv4Stack=true',
    '-Djdk.attach.allowAttachSelf=true',
    ...EXPORTS.flatMap((name) => ['--add-exports', `${name}=ALL-UNNAMED`]),
    ...OPENS.flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]),
    '-Dio.netty.tryReflectionSetAccessible=true',
    '-Dio.netty.allocator.useCacheForAllThreads=true',
    `-Dlogback.configurationFile=file://${join(folder, 'logback.xml')}`,
    `-Dcassandra.logdir=${join(folder, 'log')}`,
    `-Dcassandra.config=file://${join(folder, 'cassandra.yaml')}`,
    `-Dcassandra.storagedir=${join(folder, 'data')}`,
    `-Djava.io.tmpdir=${join(folder, 'tmp')}`,
    `-Duser.home=${folder}`,
    '-Dcassandra-foreground=yes',
    // Nobody else is on these addresses, so there is no gossip to wait for.
    '-Dcassandra.ring_delay_ms=100',
    '-Dcassandra.skip_wait_for_gossip_to_settle=0',
    '-Dcassandra.shutdown_announce_in_ms=0',
    '-Dcassandra.superuser_setup_delay_ms=0',
    '-cp',
    join(jars, '*'),
    'org.apache.cassandra.service.CassandraDaemon',
  ];
}

export function cassandraYaml({ host, port, storage, seeds, index, nodes, encryption }) {
  // Fixed tokens, evenly spread: no node has to learn its place from another, so all may start at the same moment.
  const tokens = nodes === 1 ? 'num_tokens: 4' : `num_tokens: 1\ninitial_token: "${evenToken(index, nodes)}"`;
  // Every node is a seed: one that is not gives up at once when the others are not there yet.
  return `cluster_name: parley
${tokens}
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
auto_bootstrap: false
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "${seeds}"
listen_address: ${host}
storage_port: ${storage}
rpc_address: ${host}
native_transport_port: ${port}
paxos_variant: v2
commitlog_sync: batch
commitlog_segment_size: 8MiB
commitlog_total_space: 256MiB
auto_snapshot: false
key_cache_size: 8MiB
counter_cache_size: 0MiB
file_cache_size: 32MiB
dynamic_snitch: false
${encryption === null ? '' : clientEncryption(encryption)}`;
}

/** Plain clients are served too, on the same port. */
const clientEncryption = ({ store, password }) => `client_encryption_options:
  enabled: true
  optional: true
  keystore: ${JSON.stringify(store)}
  keystore_password: ${password}
  store_type: PKCS12
  require_client_auth: false
`;

const evenToken = (index, nodes) => String(-(2n ** 63n) + (2n ** 64n / BigInt(nodes)) * BigInt(index));

/** Without one, every DEBUG line would go to standard output. */
export const logbackXml = () => `<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>\${cassandra.logdir}/output.log</file>
    <encoder><pattern>%-5level %date{ISO8601} %logger{20} - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
`;
