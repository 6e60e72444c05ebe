import { describe, expect, it } from 'vitest';
import { EngineError } from '../../errors.ts';
import type { SeccompSubject } from './default-profile.ts';
import { localhostSeccompProfile } from './localhost-profile.ts';
import type { OciSeccomp } from './oci-seccomp.ts';
import { parseSeccompProfile } from './parse-profile.ts';

const FILE = '/var/lib/kubelet/seccomp/web.json';
const SUBJECT: SeccompSubject = { capabilities: ['CAP_CHOWN', 'CAP_SYS_ADMIN'], arch: 'x64', kernel: '6.1.0-44-amd64' };

function load(profile: object | string, more: Partial<SeccompSubject> = {}): OciSeccomp {
  const text = typeof profile === 'string' ? profile : JSON.stringify(profile);
  return localhostSeccompProfile(parseSeccompProfile(text, FILE), { ...SUBJECT, ...more });
}

const ALLOW = { defaultAction: 'SCMP_ACT_ALLOW' };
const rule = (more: object): object => ({ ...ALLOW, syscalls: [{ names: ['a'], action: 'SCMP_ACT_ERRNO', ...more }] });

/** Whether a rule with these conditions counts. */
function counts(conditions: object, more: Partial<SeccompSubject> = {}): boolean {
  return load(rule(conditions), more).syscalls.length === 1;
}

describe('parseSeccompProfile() and localhostSeccompProfile()', () => {
  it('takes the smallest profile', () => {
    expect(load(ALLOW)).toEqual({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
  });

  it("takes OCI's format as it is", () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      listenerPath: '/run/agent.sock',
      listenerMetadata: 'web',
      syscalls: [
        { names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' },
        {
          names: ['socket', 'ioctl'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 13,
          args: [
            { index: 0, value: 16, op: 'SCMP_CMP_EQ' },
            { index: 5, value: 4_294_967_295, valueTwo: 1, op: 'SCMP_CMP_MASKED_EQ' },
          ],
        },
      ],
    };
    expect(load(profile)).toEqual(profile);
  });

  it("takes what Docker's format has beside it", () => {
    const profile = {
      comment: 'words',
      defaultAction: 'SCMP_ACT_ERRNO',
      archMap: [
        { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
        { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: null },
      ],
      syscalls: [
        { name: 'read', action: 'SCMP_ACT_ALLOW', args: null, comment: '', includes: {}, excludes: {} },
        { names: ['write'], name: '', action: 'SCMP_ACT_ALLOW', args: [], includes: { caps: null } },
      ],
    };
    const syscalls = [
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      { names: ['write'], action: 'SCMP_ACT_ALLOW' },
    ];
    const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
    expect(load(profile)).toEqual({ defaultAction: 'SCMP_ACT_ERRNO', architectures, syscalls });
    expect(load(profile, { arch: 'arm64' }).architectures).toEqual(['SCMP_ARCH_AARCH64']);
    expect(load(profile, { arch: 'riscv64' })).not.toHaveProperty('architectures');
  });

  it('takes errors by name where no number stands', () => {
    expect(load({ ...rule({ errno: 'EACCES' }), defaultErrno: 'ENOSYS' })).toMatchObject({
      defaultErrnoRet: 38,
      syscalls: [{ errnoRet: 13 }],
    });
    expect(load(rule({ errno: 'EACCES', errnoRet: 1 })).syscalls[0]?.errnoRet).toBe(1);
  });

  it('keeps words of 64 bits exactly', () => {
    const text = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO",
      "args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}`;
    expect(load(text).syscalls[0]?.args?.[0]?.value).toBe(18_446_744_073_709_551_615n);
  });

  it('keeps the rules whose conditions hold', () => {
    expect(counts({ includes: { caps: ['CAP_SYS_ADMIN'] } })).toBe(true);
    expect(counts({ includes: { caps: ['CAP_SYS_ADMIN', 'CAP_BPF'] } })).toBe(false);
    expect(counts({ excludes: { caps: ['CAP_BPF', 'CAP_CHOWN'] } })).toBe(false);
    expect(counts({ excludes: { caps: ['CAP_BPF'] } })).toBe(true);
    expect(counts({ includes: { arches: ['amd64', 'x32'] } })).toBe(true);
    expect(counts({ includes: { arches: ['amd64'] } }, { arch: 'arm64' })).toBe(false);
    expect(counts({ excludes: { arches: ['arm64'] } }, { arch: 'arm64' })).toBe(false);
    expect(counts({ includes: { minKernel: '6.1' } })).toBe(true);
    expect(counts({ includes: { minKernel: '6.2' } })).toBe(false);
    expect(counts({ includes: { minKernel: '4.8' } }, { kernel: 'unknown' })).toBe(false);
    expect(counts({ excludes: { minKernel: '4.8' } })).toBe(false);
    expect(counts({ excludes: { minKernel: '7.0' } })).toBe(true);
    expect(counts({ includes: { caps: ['CAP_CHOWN'] }, excludes: { arches: ['amd64'] } })).toBe(false);
  });

  it.each<[string, object | string]>([
    ['is not JSON', 'root:x:0:0'],
    ['is not JSON at position', '{"defaultAction":1 2}'],
    ['is no object', '[]'],
    ['defaultAction: nothing is none of SCMP_ACT_ALLOW,', {}],
    ['defaultAction: "ALLOW" is none of', { defaultAction: 'ALLOW' }],
    ['defaultErrnoRet: 4096 is no whole number from 0 to 4095', { ...ALLOW, defaultErrnoRet: 4096 }],
    ['defaultErrno: "EOOPS" is no error', { ...ALLOW, defaultErrno: 'EOOPS' }],
    ['sycalls: is no key of a seccomp profile', { ...ALLOW, sycalls: [] }],
    ['syscalls: is no list', { ...ALLOW, syscalls: {} }],
    ['architectures[1]: "amd64" is none of', { ...ALLOW, architectures: ['SCMP_ARCH_X86_64', 'amd64'] }],
    [
      'archMap: stands beside architectures',
      { ...ALLOW, architectures: ['SCMP_ARCH_X86'], archMap: [{ architecture: 'SCMP_ARCH_ARM' }] },
    ],
    ['archMap[0].architecture: nothing is none of', { ...ALLOW, archMap: [{}] }],
    ['flags[0]: "x" is none of', { ...ALLOW, flags: ['x'] }],
    ['listenerPath: "a.sock" is not an absolute path', { ...ALLOW, listenerPath: 'a.sock' }],
    ['listenerPath: is missing: SCMP_ACT_NOTIFY needs', rule({ action: 'SCMP_ACT_NOTIFY' })],
    ['syscalls[0]: is no object', { ...ALLOW, syscalls: ['mkdir'] }],
    ['syscalls[0].names: names no system call', rule({ names: [] })],
    ['syscalls[0].names[1]: "a b" is no name', rule({ names: ['a', 'a b'] })],
    ['syscalls[0].names[0]: is no text', rule({ names: [7] })],
    ['syscalls[0].name: stands beside names', rule({ name: 'b' })],
    ['syscalls[0].action: null is none of', rule({ action: null })],
    ['syscalls[0].errnoRet: "EPERM" is no whole number', rule({ errnoRet: 'EPERM' })],
    ['syscalls[0].arg: is no key', rule({ arg: [] })],
    ['syscalls[0].args[0].index: 6 is no whole', rule({ args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }] })],
    ['syscalls[0].args[0].value: -1 is no whole', rule({ args: [{ index: 0, value: -1, op: 'SCMP_CMP_EQ' }] })],
    ['syscalls[0].args[0].op: "EQ" is none of', rule({ args: [{ index: 0, value: 1, op: 'EQ' }] })],
    ['syscalls[0].includes.kernel: is no key', rule({ includes: { kernel: '4.8' } })],
    ['syscalls[0].excludes.minKernel: "new" is no version', rule({ excludes: { minKernel: 'new' } })],
  ])('refuses with file and place: %s', (problem, profile) => {
    const call = (): unknown => load(profile);
    expect(call).toThrow(EngineError);
    expect(call).toThrow(`${FILE}: ${problem}`);
  });

  it('shows nothing of a file that is no profile', () => {
    expect(() => load('root:x:0:0')).toThrow(/^[^:]*: is not JSON$/);
  });

  it('is not moved by keys that mean something to JavaScript', () => {
    expect(() => load('{"defaultAction":"SCMP_ACT_ALLOW","__proto__":{"syscalls":[]}}')).toThrow(
      '__proto__: is no key',
    );
  });
});
