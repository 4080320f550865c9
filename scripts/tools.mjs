// Programs that system tests drive and npm cannot bring: a browser and a terminal multiplexer. Continuous integration installs them from
// the system's packages where it may; elsewhere those tests say what they lack and are skipped.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const TOOLS = [
  { program: 'chromium', packages: ['chromium', 'fonts-noto-color-emoji'] },
  { program: 'tmux', packages: ['tmux'] },
];

const has = (program) => spawnSync('which', [program], { stdio: 'ignore' }).status === 0;

export function installTools() {
  const missing = TOOLS.filter(({ program }) => !has(program));
  if (missing.length === 0) return;
  const names = missing.map(({ program }) => program).join(', ');
  const mayInstall = process.env.CI !== undefined && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (!mayInstall) {
    console.log(`not here: ${names}; the tests that need them are skipped`);
    return;
  }
  console.log(`installing ${names}`);
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: 300_000,
  };
  try {
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync(
      'apt-get',
      ['install', '-y', '-qq', '--no-install-recommends', ...missing.flatMap(({ packages }) => packages)],
      options,
    );
  } catch (error) {
    console.log(`could not install ${names}: ${error.message}; the tests that need them are skipped`);
  }
}
