import type { WindowsContainer } from '../../../types/index.ts';
import { containerRequest, imageConfig } from '../test-input.ts';
import type { WindowsContainerSpecInput, WindowsSpecSandbox } from './container-spec.ts';

/** Inputs for tests: a plain container of a plain pod for Windows. Each call makes them anew. */

export function windowsSandbox(more: Partial<WindowsSpecSandbox> = {}): WindowsSpecSandbox {
  return {
    id: 'pod1',
    metadata: { name: 'web-0', uid: 'u1', namespace: 'shop', attempt: 0 },
    annotations: {},
    hostname: 'web-0',
    security: { hostProcess: false },
    networkNamespace: '5e6b1f1c-0000-4000-8000-000000000001',
    ...more,
  };
}

export function windowsContainer(more: Partial<WindowsContainer> = {}): WindowsContainer {
  return { hostProcess: false, resources: {}, ...more };
}

export function windowsInput(more: Partial<WindowsContainerSpecInput> = {}): WindowsContainerSpecInput {
  return {
    spec: containerRequest(),
    windows: windowsContainer(),
    image: {
      name: 'registry.example/web:1',
      config: imageConfig({ entrypoint: ['web.exe'], env: ['Path=C:\\Windows;C:\\app'], user: 'ContainerUser' }),
    },
    sandbox: windowsSandbox(),
    handler: { defaultAnnotations: {}, podAnnotations: [], containerAnnotations: [] },
    isolation: 'process',
    ...more,
  };
}
