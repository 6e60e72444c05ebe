import { describe, expect, it } from 'vitest';
import { copy, toAnnotations, toLabels, toSysctls } from './maps.ts';

describe('toLabels()', () => {
  it('copies, also a key named __proto__', () => {
    const labels = toLabels('config.labels', JSON.parse('{"a":"b","__proto__":"x"}'));
    expect(Object.entries(labels)).toEqual([
      ['__proto__', 'x'],
      ['a', 'b'],
    ]);
  });

  it.each([
    [{ '': 'v' }, 'config.labels: has an empty key'],
    [{ ['k'.repeat(318)]: 'v' }, 'has a key longer than 317 bytes'],
    [{ k: 'v'.repeat(4097) }, 'config.labels["k"]: is longer than 4096 bytes'],
    [{ k: 'a\nb' }, 'config.labels["k"]: has a control character'],
  ])('refuses what is too large or not one line', (labels, message) => {
    expect(() => toLabels('config.labels', labels)).toThrow(message);
  });
});

describe('copy()', () => {
  it('has one order, whatever order a map came in', () => {
    expect(JSON.stringify(copy({ b: '2', a: '1', c: '3' }))).toBe(JSON.stringify(copy({ c: '3', a: '1', b: '2' })));
  });
});

describe('toAnnotations()', () => {
  it('takes documents with lines', () => {
    expect(toAnnotations('f', { a: '{\n"x": 1\n}\n' })).toEqual({ a: '{\n"x": 1\n}\n' });
  });

  it('refuses a megabyte and more', () => {
    expect(() => toAnnotations('f', { a: 'x'.repeat(1024 * 1024) })).toThrow('f: is larger than 1048576 bytes');
  });
});

describe('toSysctls()', () => {
  it.each([
    ['net.ipv4.ip_local_port_range', '1024 65535'],
    ['kernel/shm_rmid_forced', '1'],
    ['net.ipv4.conf.eth0/1.rp_filter', '-1'],
  ])('takes %s', (name, value) => expect(toSysctls('f', { [name]: value })).toEqual({ [name]: value }));

  it.each([
    ['kernel.a+kernel.b', '1', 'is not the name of a sysctl'],
    ['kernel.a=1', '1', 'is not the name of a sysctl'],
    ['../../etc/passwd', '1', 'is not the name of a sysctl'],
    ['net..x', '1', 'is not the name of a sysctl'],
    ['/net/x', '1', 'is not the name of a sysctl'],
    ['', '1', 'is not the name of a sysctl'],
    ['kernel.shm_rmid_forced', '1+kernel.core_pattern=|/evil', 'must not hold + or ='],
    ['kernel.shm_rmid_forced', '1\n2', 'has a control character'],
  ])('refuses %s: %s', (name, value, message) => {
    const call = (): unknown => toSysctls('config.linux.sysctls', { [name]: value });
    expect(call).toThrow(`config.linux.sysctls[${JSON.stringify(name)}]: ${message}`);
  });
});
