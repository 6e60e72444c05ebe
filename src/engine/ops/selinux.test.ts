import { describe, expect, it } from 'vitest';
import { parseContexts } from '../security/selinux/index.ts';
import { FakeLabeller } from '../security/selinux/fake.ts';
import type { MountSpec } from '../types/index.ts';
import type { OpsDeps } from './deps.ts';
import { createContainer } from './create-container.ts';
import { runSandbox } from './run-sandbox.ts';
import { labelledRoot } from './selinux.ts';
import { startContainer } from './start-container.ts';
import { testEngine } from './test-engine.ts';
import { containerSpec, sandboxSpec } from '../store/test-records.ts';

const never = new AbortController().signal;
const POLICY = parseContexts(`process = "system_u:system_r:container_t:s0"
file = "system_u:object_r:container_file_t:s0"
ro_file = "system_u:object_r:container_ro_file_t:s0"
`);

function mount(hostPath: string): MountSpec {
  return { containerPath: hostPath, hostPath, readonly: false, propagation: 'private', selinuxRelabel: true };
}

/** A node where SELinux is on. */
async function confined() {
  const engine = await testEngine();
  const labeller = new FakeLabeller();
  const host = { ...engine.deps.host, ...(POLICY === undefined ? {} : { selinux: POLICY }) };
  const deps: OpsDeps = { ...engine.deps, host, labeller };
  return { ...engine, deps, labeller };
}

/** What the tests look at of an OCI spec. */
interface SpecParts {
  readonly process: { readonly selinuxLabel?: string };
  readonly linux: { readonly mountLabel?: string };
}

describe('a pod on a node with SELinux', () => {
  it("has no labels on the node's network, where it is to have none, whatever the configuration is later", async () => {
    await using engine = await confined();
    const { deps, labeller, objects, store } = engine;
    const security = { ...deps.defaults.security, selinuxOnHostNetwork: false };
    const free = { ...deps, defaults: { ...deps.defaults, security } };
    const onNode = sandboxSpec({ namespaces: { network: 'node', pid: 'container', ipc: 'node' } });
    const podId = await runSandbox(free, onNode, never);
    expect(store.sandboxes.need(podId).selinuxLevel).toBeUndefined();
    const id = await createContainer(deps, podId, containerSpec({ command: ['x'], mounts: [mount('/srv')] }), never);
    const container = objects.objects.get(id)?.spec as SpecParts | undefined;
    expect(container?.linux).not.toHaveProperty('mountLabel');
    expect(container?.process).not.toHaveProperty('selinuxLabel');
    expect(labeller.labels.size).toBe(0);
    const metadata = { name: 'other', uid: 'u2', namespace: 'default', attempt: 0 };
    const other = await runSandbox(free, sandboxSpec({ metadata }), never);
    expect(store.sandboxes.need(other).selinuxLevel).toMatch(/^s0:/);
  });

  it('has a level of its own, on its processes and on all files that it gets', async () => {
    await using engine = await confined();
    const { deps, labeller, objects, store } = engine;
    const podId = await runSandbox(
      deps,
      sandboxSpec({ namespaces: { network: 'pod', pid: 'pod', ipc: 'node' } }),
      never,
    );
    const pod = store.sandboxes.need(podId);
    const level = pod.selinuxLevel ?? 'none';
    expect(level).toMatch(/^s0:c\d+,c\d+$/);
    const mount = `system_u:object_r:container_file_t:${level}`;
    const [pause] = [...objects.objects.values()].map(({ spec }) => spec as SpecParts);
    expect(pause?.process.selinuxLabel).toBe(`system_u:system_r:container_t:${level}`);
    expect(pause?.linux.mountLabel).toBe(mount);
    expect(Object.fromEntries(labeller.labels)).toEqual({
      [`/fake/sandboxes/${podId}/resolv.conf`]: mount,
      [`/fake/sandboxes/${podId}/hosts`]: mount,
      [`/fake/sandboxes/${podId}/hostname`]: mount,
      '/fake/pause': 'system_u:object_r:container_ro_file_t:s0',
    });
  });

  it('has containers with its level, and with labels of their own where they ask for them', async () => {
    await using engine = await confined();
    const { deps, objects, store } = engine;
    const selinux = { type: 'pod_t', level: 's0:c7,c8' };
    const podId = await runSandbox(deps, sandboxSpec({ security: { ...sandboxSpec().security, selinux } }), never);
    const request = containerSpec({ command: ['x'] });
    const parts = async (spec: typeof request): Promise<SpecParts> =>
      objects.objects.get(await createContainer(deps, podId, spec, never))?.spec as SpecParts;
    expect((await parts(request)).process.selinuxLabel).toBe('system_u:system_r:pod_t:s0:c7,c8');
    const own = await parts({
      ...request,
      metadata: { name: 'own', attempt: 0 },
      security: { ...request.security, selinux: { type: 'own_t' } },
    });
    expect(own.process.selinuxLabel).toBe('system_u:system_r:own_t:s0:c7,c8');
    expect(store.containers.list().map(({ mountLabel }) => mountLabel)).toEqual([
      'system_u:object_r:container_file_t:s0:c7,c8',
      'system_u:object_r:container_file_t:s0:c7,c8',
    ]);
  });

  it('CVE-2021-43816: gives volumes its label, but not what belongs to the node', async () => {
    await using engine = await confined();
    const { deps, labeller } = engine;
    const podId = await runSandbox(deps, sandboxSpec(), never);
    const mounts = [mount('/etc/hosts'), mount('/etc/resolv.conf'), mount('/var/lib/kubelet/pods/u/volumes/v')];
    await createContainer(deps, podId, containerSpec({ command: ['x'], mounts }), never);
    const labelled = [...labeller.labels.keys()].filter((path) => !path.startsWith('/fake/'));
    expect(labelled).toEqual(['/var/lib/kubelet/pods/u/volumes/v']);
  });

  it('mounts the root of a container with the label of its files', async () => {
    await using engine = await confined();
    const { deps, store, tasks } = engine;
    const podId = await runSandbox(deps, sandboxSpec(), never);
    const id = await createContainer(deps, podId, containerSpec({ command: ['x'] }), never);
    await startContainer(deps, id, never);
    const label = store.containers.need(id).mountLabel;
    const options = tasks.tasks.get(id)?.spec.rootfs.flatMap((mount) => mount.options);
    expect(options?.at(-1)).toBe(`context="${label}"`);
  });
});

describe('a pod on a node without SELinux', () => {
  it('has no labels, whatever it asks for', async () => {
    await using engine = await testEngine();
    const { deps, objects, store } = engine;
    const selinux = { type: 'pod_t', level: 's0:c7,c8' };
    const podId = await runSandbox(deps, sandboxSpec({ security: { ...sandboxSpec().security, selinux } }), never);
    const id = await createContainer(deps, podId, containerSpec({ command: ['x'] }), never);
    const spec = objects.objects.get(id)?.spec as SpecParts;
    expect(spec.process).not.toHaveProperty('selinuxLabel');
    expect(spec.linux).not.toHaveProperty('mountLabel');
    expect(store.sandboxes.need(podId)).not.toHaveProperty('selinuxLevel');
    expect(store.containers.need(id)).not.toHaveProperty('mountLabel');
  });
});

describe('labelledRoot()', () => {
  it('leaves the mounts of a root without a label as they are', () => {
    const mounts = [{ type: 'overlay', source: 'overlay', options: ['ro'] }];
    expect(labelledRoot(mounts, undefined)).toBe(mounts);
  });
});
