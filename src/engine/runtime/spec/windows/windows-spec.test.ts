import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseExactJson, stringifyExactJson } from '../../../exact-json.ts';
import { containerRequest, imageConfig } from '../test-input.ts';
import { windowsContainerSpec } from './container-spec.ts';
import type { WindowsContainerSpecInput } from './container-spec.ts';
import type { OciWindowsSpec } from './oci-windows.ts';
import { windowsSandboxSpec } from './sandbox-spec.ts';
import { windowsContainer, windowsInput, windowsSandbox } from './test-input.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const CREDENTIALS = '{"CmsPlugins":["ActiveDirectory"],"ActiveDirectoryConfig":{}}';
const PAUSE = { name: 'pause:3', config: imageConfig({ entrypoint: ['/pause.exe'], cmd: [], env: ['A=1'] }) };
const HANDLER = {
  defaultAnnotations: { 'io.microsoft.container.storage.qos.iopsmaximum': '100' },
  podAnnotations: ['io.microsoft.virtualmachine.*'],
  containerAnnotations: ['io.microsoft.container.*'],
};

function container(more: Partial<WindowsContainerSpecInput> = {}): OciWindowsSpec {
  return windowsContainerSpec(windowsInput(more)).spec;
}

function hostProcess(): Partial<WindowsContainerSpecInput> {
  const { networkNamespace: _, ...sandbox } = windowsSandbox({ security: { hostProcess: true }, hostname: 'node1' });
  return {
    sandbox,
    windows: windowsContainer({ hostProcess: true, runAsUsername: 'NT AUTHORITY\\SYSTEM' }),
    image: { name: 'agent:1', config: imageConfig({ entrypoint: ['agent.exe'], cmd: [], env: [] }) },
  };
}

/** By the name of the file that holds what is expected. */
const SPECS: Readonly<Record<string, () => OciWindowsSpec>> = {
  'container-process': () => container(),
  'container-hyperv': () =>
    container({
      isolation: 'hypervisor',
      handler: HANDLER,
      sandbox: windowsSandbox({ annotations: { 'io.microsoft.virtualmachine.lcow.timezone': 'UTC', 'x/y': 'no' } }),
      spec: containerRequest({
        annotations: { 'io.microsoft.container.storage.qos.iopsmaximum': '200', 'io.other': 'no' },
      }),
    }),
  'container-host-process': () => container(hostProcess()),
  'container-everything': () =>
    container({
      spec: containerRequest({
        tty: true,
        command: ['cmd', '/c'],
        args: ['echo "hello"'],
        workingDir: '/srv/app/',
        env: [
          ['PATH', 'D:\\bin'],
          ['Name', 'value'],
        ],
        mounts: [
          mount('C:\\var\\log\\deep', 'C:/logs/', false),
          mount('/var/log', 'D:\\data\\..\\logs', true),
          mount('E:', 'E:\\disk', false),
          mount('\\\\.\\pipe\\docker_engine', '\\\\.\\pipe\\docker_engine', false),
          mount('C:\\share', '\\\\server\\share\\x', true),
        ],
        devices: [
          { hostPath: 'class/5B45201D-F2F2-4F3B-85BB-30FF1F953599', containerPath: '', permissions: '' },
          { hostPath: 'vpci-location-path://PCIROOT(0)#PCI(0)', containerPath: '', permissions: '' },
        ],
      }),
      windows: windowsContainer({
        runAsUsername: 'CORP\\web',
        credentialSpec: CREDENTIALS,
        resources: {
          cpuMaximum: 2500,
          memoryLimitBytes: 2 ** 30,
          rootfsSizeBytes: 20 * 2 ** 30,
          affinityCpus: [
            { mask: '18446744073709551615', group: 0 },
            { mask: '3', group: 1 },
          ],
        },
      }),
    }),
  'sandbox-process': () =>
    windowsSandboxSpec({ sandbox: windowsSandbox(), image: PAUSE, handler: HANDLER, isolation: 'process' }),
  'sandbox-hyperv': () =>
    windowsSandboxSpec({
      sandbox: windowsSandbox({
        security: { hostProcess: false, runAsUsername: 'CORP\\web', credentialSpec: CREDENTIALS },
        annotations: { 'io.microsoft.virtualmachine.computetopology.memory.sizeinmb': '2048', 'a/b': 'no' },
      }),
      image: PAUSE,
      handler: HANDLER,
      isolation: 'hypervisor',
    }),
  'sandbox-host-process': () => {
    const { networkNamespace: _, ...sandbox } = windowsSandbox({ security: { hostProcess: true } });
    return windowsSandboxSpec({ sandbox, handler: HANDLER, isolation: 'process' });
  },
};

function mount(containerPath: string, hostPath: string, readonly: boolean) {
  return { containerPath, hostPath, readonly, propagation: 'private', selinuxRelabel: false } as const;
}

/** Every array and object below a value. */
function parts(value: unknown): readonly object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(parts)];
}

describe('the specs for Windows', () => {
  it.each(Object.entries(SPECS))('%s is as it was agreed upon', (name, build) => {
    const golden = parseExactJson(readFileSync(join(GOLDEN, `${name}.json`), 'utf8'));
    expect(parseExactJson(stringifyExactJson(build()))).toEqual(golden);
  });

  it('are all that there are files for', () => {
    expect(readdirSync(GOLDEN).toSorted()).toEqual(
      Object.keys(SPECS)
        .map((name) => `${name}.json`)
        .toSorted(),
    );
  });

  it.each(Object.entries(SPECS))('%s shares nothing with one that is made again', (_name, build) => {
    const others = new Set(parts(build()));
    expect(parts(build()).filter((part) => others.has(part))).toEqual([]);
  });
});

describe('windowsContainerSpec()', () => {
  it.each([
    [{ hostProcess: true }, { hostProcess: false }, 'is on, but the pod is not'],
    [{ hostProcess: false }, { hostProcess: true }, 'is off, but the pod is one'],
  ])('refuses a container with %j in a pod with %j', (own, pod, message) => {
    const input = { windows: windowsContainer(own), sandbox: windowsSandbox({ security: pod }) };
    expect(() => container(input)).toThrow(`config.windows.security_context.host_process: ${message}`);
  });

  it('runs as the user of the image unless the request has one', () => {
    expect(container().process.user).toEqual({ username: 'ContainerUser' });
    const image = { name: 'x', config: imageConfig({ user: '' }) };
    expect(container({ image }).process.user).toEqual({});
  });

  it('refuses limits of processors that exclude one another', () => {
    const windows = windowsContainer({ resources: { cpuCount: 2, cpuMaximum: 5000 } });
    expect(() => container({ windows })).toThrow(
      'config.windows.resources.cpu_maximum: stands beside cpu_count: Windows takes one of them',
    );
  });
});

describe('windowsSandboxSpec()', () => {
  it('refuses an image without a command', () => {
    const image = { name: 'pause:3', config: imageConfig({ entrypoint: [], cmd: [] }) };
    const input = { sandbox: windowsSandbox(), image, handler: HANDLER, isolation: 'process' } as const;
    expect(() => windowsSandboxSpec(input)).toThrow('nothing to run');
  });
});
