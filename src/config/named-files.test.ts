import { describe, expect, it } from 'vitest';
import { checkConfig } from './load.ts';

const CONFIG = [
  '[containers]',
  'privileged_seccomp_profile = "/p.json"',
  '[handlers.runc]',
  '',
  'seccomp_profile = "/h.json"',
  'base_runtime_spec = "/b.json"',
  '[classes]',
  'blockio_file = "/b.yaml"',
].join('\n');

function problems(config: string, check: (path: string) => void): readonly string[] {
  const readFile = (path: string): Uint8Array => {
    if (path === '/etc/davit/config.toml') return new TextEncoder().encode(config);
    throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
  };
  const checked = checkConfig([], {
    readFile,
    listDir: () => [],
    checks: { seccompProfile: check, baseSpec: check, blockioClasses: check },
  });
  return checked.problems.map(({ file, line, key, message }) => `${file}:${line}: ${key}: ${message}`);
}

function refuse(path: string): void {
  throw new Error(`${path}: is not a regular file`);
}

describe('checkNamedFiles()', () => {
  it('has each file looked at that a key names, and no other', () => {
    const seen: string[] = [];
    expect(problems(CONFIG, (path) => seen.push(path))).toEqual([]);
    expect(seen).toEqual(['/p.json', '/b.yaml', '/h.json', '/b.json']);
    expect(problems('[containers]\nprivileged_seccomp_profile = "runtime-default"', (path) => seen.push(path))).toEqual(
      [],
    );
    expect(seen).toHaveLength(4);
  });

  it('names file, line and key of those that cannot be used', () => {
    expect(problems(CONFIG, refuse)).toEqual([
      '/etc/davit/config.toml:2: containers.privileged_seccomp_profile: /p.json: is not a regular file',
      '/etc/davit/config.toml:8: classes.blockio_file: /b.yaml: is not a regular file',
      '/etc/davit/config.toml:5: handlers.runc.seccomp_profile: /h.json: is not a regular file',
      '/etc/davit/config.toml:6: handlers.runc.base_runtime_spec: /b.json: is not a regular file',
    ]);
  });
});
