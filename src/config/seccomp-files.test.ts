import { describe, expect, it } from 'vitest';
import { checkConfig } from './load.ts';

const CONFIG = [
  '[containers]',
  'privileged_seccomp_profile = "/p.json"',
  '[handlers.runc]',
  '',
  'seccomp_profile = "/h.json"',
].join('\n');

function problems(files: Readonly<Record<string, string>>): readonly string[] {
  const all: Readonly<Record<string, string>> = { '/etc/davit/config.toml': CONFIG, ...files };
  const read = (path: string): Uint8Array => {
    const text = all[path];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return new TextEncoder().encode(text);
  };
  const checked = checkConfig([], { readFile: read, listDir: () => [] });
  return checked.problems.map(({ file, line, key, message }) => `${file}:${line}: ${key}: ${message}`);
}

describe('checkSeccompFiles()', () => {
  it('takes profiles, and reads none where none is named', () => {
    const profile = '{"defaultAction":"SCMP_ACT_LOG"}';
    expect(problems({ '/p.json': profile, '/h.json': profile })).toEqual([]);
    expect(problems({ '/etc/davit/config.toml': '' })).toEqual([]);
  });

  it('names file, line and key of those that are missing or none', () => {
    expect(problems({ '/h.json': '{"defaultAction":"LOG"}' })).toEqual([
      '/etc/davit/config.toml:2: containers.privileged_seccomp_profile: /p.json: cannot be read: ENOENT: /p.json',
      expect.stringMatching(
        /^\/etc\/davit\/config\.toml:5: handlers\.runc\.seccomp_profile: \/h\.json: defaultAction: "LOG" is none/,
      ),
    ]);
  });

  it('refuses one that no container could have', () => {
    const large = ' '.repeat(1024 * 1024 + 1);
    expect(problems({ '/p.json': '{', '/h.json': large }).map((line) => line.split(': ').slice(2).join(': '))).toEqual([
      expect.stringMatching(/^\/p\.json: is not JSON/),
      '/h.json: is larger than 1048576 bytes',
    ]);
  });
});
