// Where the programs come from: the cache, the machine, or what its package tools can bring. Each function gives what is needed to run
// one server, or throws Unavailable with the reason, which tests print when they skip.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cached, cacheFolder, inCache, withLock } from './cache.mjs';

export const NATS_VERSION = '2.15.2';
export const CASSANDRA_VERSION = '5.0.9';
const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
/** Cassandra 5.0 runs on 11 and 17; the flags that we give were tried on 17. */
const JAVA_MAJOR = 17;
/** For others that install something, in seconds. */
const APT_WAITS = 'DPkg::Lock::Timeout=120';
const TOOL_LIMIT_MS = 10 * 60_000;
/** Older ones know no `sync_interval: always`, without which a server that is killed loses what it confirmed. */
const NATS_WITH_SYNC = [2, 10, 23];

/** A server cannot be had on this machine. No fault of the project: tests skip on it. */
export class Unavailable extends Error {}

/** Starts with the best of: our own build, one of the machine that is new enough, a build by Go, Debian's package. */
export async function natsProgram({ say = () => {} } = {}) {
  const name = `nats-server-${NATS_VERSION}`;
  const built = join(inCache(name), 'nats-server');
  if (existsSync(built)) return { program: built, version: NATS_VERSION, knowsSync: true };
  const own = natsOnPath();
  if (own?.knowsSync) return own;
  let why = 'Go is not here to build it';
  if (has('go')) {
    say(`building nats-server ${NATS_VERSION} with Go (once; one to two minutes) …`);
    try {
      await cached(name, (draft) =>
        tool('go', ['install', `github.com/nats-io/nats-server/v2@v${NATS_VERSION}`], {
          log: `${name}.log`,
          env: { GOBIN: draft, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' },
        }),
      );
      return { program: built, version: NATS_VERSION, knowsSync: true };
    } catch (error) {
      why = error.message;
      say(`nats-server could not be built: ${why}`);
    }
  }
  if (own === null) await install(['nats-server'], say);
  const packaged = natsOnPath();
  if (packaged === null) throw new Unavailable(`nats-server: ${why}, and no package brings it`);
  return packaged;
}

function natsOnPath() {
  const program = locate('nats-server');
  if (program === null) return null;
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const version = /v(\d+)\.(\d+)\.(\d+)/.exec(stdout ?? '');
  if (status !== 0 || version === null) return null;
  const numbers = version.slice(1).map(Number);
  return { program, version: numbers.join('.'), knowsSync: !isOlder(numbers, NATS_WITH_SYNC) };
}

function isOlder(a, b) {
  const at = b.findIndex((part, index) => a[index] !== part);
  return at !== -1 && a[at] < b[at];
}

/** The jars of a whole Cassandra, and a Java to run them. */
export async function cassandraJars({ say = () => {} } = {}) {
  const name = `cassandra-${CASSANDRA_VERSION}`;
  let java = findJava();
  if (java === null) {
    await install([`openjdk-${JAVA_MAJOR}-jre-headless`], say);
    java = findJava();
  }
  if (java === null) throw new Unavailable(`Cassandra: no Java ${JAVA_MAJOR} here (PARLEY_JAVA names one elsewhere)`);
  const folder = inCache(name);
  if (!existsSync(folder)) {
    if (!has('mvn')) await install(['maven'], say);
    if (!has('mvn')) throw new Unavailable('Cassandra: Maven is not here to fetch its jars');
    say(`fetching Cassandra ${CASSANDRA_VERSION} with Maven (once; 67 MB, half a minute) …`);
    try {
      await cached(name, (draft) => fetchJars(draft, name));
    } catch (error) {
      throw new Unavailable(`Cassandra: ${error.message}`);
    }
  }
  return { java, jars: folder, version: CASSANDRA_VERSION };
}

async function fetchJars(draft, name) {
  const pom = join(draft, 'pom.xml');
  writeFileSync(
    pom,
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>cassandra</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency>
<groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>${CASSANDRA_VERSION}</version>
</dependency></dependencies></project>
`,
  );
  const goal = `${DEPENDENCY_PLUGIN}:copy-dependencies`;
  const args = ['-q', '-B', '-f', pom, goal, '-DincludeScope=runtime', `-DoutputDirectory=${draft}`];
  await tool('mvn', args, { log: `${name}.log` });
  if (!existsSync(join(draft, `cassandra-all-${CASSANDRA_VERSION}.jar`))) throw new Error('Maven brought no Cassandra');
}

function findJava() {
  const { PARLEY_JAVA, JAVA_HOME } = process.env;
  const home = '/usr/lib/jvm';
  const installed = existsSync(home) ? readdirSync(home).map((name) => join(home, name, 'bin/java')) : [];
  const candidates = [PARLEY_JAVA, JAVA_HOME && join(JAVA_HOME, 'bin/java'), 'java', ...installed].filter(Boolean);
  return candidates.find((java) => javaMajor(java) === JAVA_MAJOR) ?? null;
}

function javaMajor(java) {
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
  return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
}

export async function redisProgram({ say = () => {} } = {}) {
  return await packaged('redis-server', ['--version'], /v=([\d.]+)/, say);
}

export async function haproxyProgram({ say = () => {} } = {}) {
  return await packaged('haproxy', ['-v'], /version ([\d.]+)/, say);
}

async function packaged(name, versionArgs, pattern, say) {
  if (locate(name) === null) await install([name], say);
  const program = locate(name);
  if (program === null) throw new Unavailable(`${name} is not here, and cannot be installed from here`);
  const { stdout } = spawnSync(program, versionArgs, { encoding: 'utf8' });
  return { program, version: pattern.exec(stdout ?? '')?.[1] ?? 'unknown' };
}

/** Debian keeps some servers where only root's path leads. */
function locate(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

const has = (program) => locate(program) !== null;

/** Debian's packages, as root. Does nothing elsewhere, and a failure is only told: who needs the program looks for it again. */
async function install(packages, say) {
  if (process.getuid?.() !== 0 || !has('apt-get')) return;
  say(`installing ${packages.join(', ')} …`);
  // The run level keeps packages that bring a service from starting it: ours have folders and ports of their own.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  try {
    await withLock(inCache('apt.lock'), async () => {
      const apt = (...args) => tool('apt-get', ['-qq', '-o', APT_WAITS, ...args], { log: 'apt.log', env });
      await apt('update');
      await apt('install', '-y', '--no-install-recommends', ...packages);
    });
  } catch (error) {
    say(`could not install ${packages.join(', ')}: ${error.message}`);
  }
}

/** Runs to its end, or for ten minutes at most. */
function tool(program, args, { log, env = {} }) {
  mkdirSync(cacheFolder(), { recursive: true });
  const path = inCache(log);
  const file = openSync(path, 'w');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', file, file],
      timeout: TOOL_LIMIT_MS,
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ended with ${code ?? signal}; see ${path}`));
    });
  }).finally(() => closeSync(file));
}
