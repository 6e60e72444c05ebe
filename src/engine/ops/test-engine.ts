import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeExecs } from '../exec/fake.ts';
import { readHostFacts } from '../host/index.ts';
import { FakeImages } from '../image/fake.ts';
import { Jobs } from '../jobs.ts';
import { KeyedMutex } from '../keyed-mutex.ts';
import { FakeLayers } from '../layer/fake.ts';
import { FakeLogService } from '../log/fake.ts';
import { FakeNetworkService } from '../network/fake.ts';
import type { UndoFailure } from '../rollback.ts';
import { FakeCgroupService } from '../runtime/cgroup/fake.ts';
import { FakeObjects, FakeTasks } from '../runtime/fake-tasks.ts';
import { createHandlers } from '../runtime/handlers.ts';
import { FakeNamespaceService } from '../runtime/namespaces/fake.ts';
import { FakePodPorts } from '../runtime/pod-ports/fake.ts';
import { Marks } from '../reconcile/index.ts';
import { FakeShimProcesses } from '../runtime/fake-tasks.ts';
import { FakeAppArmorNode } from '../security/apparmor/fake.ts';
import { createAppArmorProfiles, createSecurityProfiles, ImageFiles } from '../security/index.ts';
import { FakeRootfsReader } from '../security/rootfs/fake.ts';
import { FakeLabeller } from '../security/selinux/fake.ts';
import { createStore } from '../store/index.ts';
import { FakeContainerVolumes, FakeMountSources, FakePodFiles } from '../volume/fake.ts';
import { WorkQueue } from '../work-queue.ts';
import { ContainerExits } from './container-exits.ts';
import type { OpsDeps } from './deps.ts';
import { TEST_DEFAULTS, TEST_HANDLER } from './test-defaults.ts';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** All that the operations need, in memory but for the records: those are files, as in life. */
export async function testEngine() {
  const root = await mkdtemp(join(tmpdir(), 'davit-ops-'));
  const store = createStore(root);
  await store.start();
  const tasks = new FakeTasks();
  const undoFailures: UndoFailure[] = [];
  const images = new FakeImages();
  const layers = new FakeLayers();
  const image = images.add('docker.io/library/busybox:latest');
  layers.layers.add(`overlayfs ${image.chainId}`);
  const fakes = {
    tasks,
    objects: new FakeObjects(),
    namespaces: new FakeNamespaceService(),
    network: new FakeNetworkService(),
    podPorts: new FakePodPorts(),
    podFiles: new FakePodFiles(),
    layers,
    images,
    volumes: new FakeContainerVolumes(),
    log: new FakeLogService(),
    execs: new FakeExecs(),
    cgroups: new FakeCgroupService(),
  };
  const marks = new Marks(root);
  await marks.start();
  const shims = new FakeShimProcesses();
  const exits = new ContainerExits({ tasks, logger: SILENT, reachable: async () => undefined });
  const jobs = new Jobs((key, error) => {
    throw new Error(`${key} was not undone`, { cause: error });
  });
  const features = { recursiveReadOnlyMounts: true, userNamespaces: true };
  const deps: OpsDeps = {
    ...fakes,
    store,
    jobs,
    exits,
    marks,
    shims,
    containerd: { status: () => ({ ready: true }) },
    exitStatusLost: () => undefined,
    observer: {
      stepEnded: () => undefined,
      undoFailed: (_op, _subject, failures) => void undoFailures.push(...failures),
    },
    logger: SILENT,
    work: new WorkQueue({ concurrentWork: 4, workPatienceMs: 60_000 }),
    host: await readHostFacts(),
    handlers: createHandlers({ handlers: { runc: TEST_HANDLER }, defaultRuntime: 'runc' }, 'cgroupfs'),
    defaults: TEST_DEFAULTS,
    runtimes: { features: () => ({ ...features }) },
    mountSources: new FakeMountSources(),
    imageFiles: new ImageFiles(new FakeRootfsReader()),
    profiles: createSecurityProfiles(createAppArmorProfiles({ enabled: false, node: new FakeAppArmorNode() })),
    labeller: new FakeLabeller(),
    sandboxLocks: new KeyedMutex(),
    containerLocks: new KeyedMutex(),
    oomKillsBeforeKill: new Map(),
    kills: new Map(),
    stopping: new Set(),
    pause: 'auto',
    pauseRoot: '/fake/pause',
  };
  return {
    root,
    deps,
    marks,
    shims,
    ...fakes,
    store,
    undoFailures,
    /** Of the one handler; to be changed. */
    features,
    /** One line for everything that is there: empty when nothing is. */
    leftovers: (): readonly string[] => [
      ...store.sandboxes.all().map((record) => `sandbox ${record.state.phase}`),
      ...store.containers.all().map((record) => `container ${record.state.phase}`),
      ...[...fakes.namespaces.created.keys()].map(() => 'namespaces'),
      ...[...fakes.network.attached.keys()].map(() => 'network'),
      ...[...fakes.podFiles.created.keys()].map(() => 'pod files'),
      ...[...fakes.layers.roots.keys()].map(() => 'root'),
      ...[...fakes.volumes.made.keys()].map(() => 'volumes'),
      ...[...fakes.objects.objects.keys()].map(() => 'object'),
      ...[...fakes.tasks.tasks.keys()].map(() => 'task'),
    ],
    [Symbol.asyncDispose]: async () => {
      await exits.close();
      await rm(root, { recursive: true });
    },
  };
}
