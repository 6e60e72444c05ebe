import { describe, expect, it } from 'vitest';
import { containerSpec, sandboxSpec } from '../store/test-records.ts';
import { createContainer } from './create-container.ts';
import { runSandbox } from './run-sandbox.ts';
import { testEngine } from './test-engine.ts';

const never = new AbortController().signal;

describe('createContainer()', () => {
  it('unpacks the image when its layers are not unpacked for the handler', async () => {
    await using engine = await testEngine();
    const { layers, images } = engine;
    const unpacked = [...layers.layers];
    layers.layers.clear();
    images.onUnpack = () => {
      for (const layer of unpacked) layers.layers.add(layer);
    };
    const sandbox = await runSandbox(engine.deps, sandboxSpec(), never);
    const id = await createContainer(engine.deps, sandbox, containerSpec(), never);
    expect(engine.deps.store.containers.need(id).state.phase).toBe('created');
    expect(images.unpacked).toHaveLength(1);
  });

  it('does not ask whether the image is unpacked when its root could be made', async () => {
    await using engine = await testEngine();
    const sandbox = await runSandbox(engine.deps, sandboxSpec(), never);
    await createContainer(engine.deps, sandbox, containerSpec(), never);
    expect(engine.images.unpacked).toEqual([]);
  });
});
