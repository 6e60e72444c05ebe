import { arch, cpus, release, totalmem } from 'node:os';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { Engine } from '../engine/index.ts';

export type NodeMetricsVerbs = Pick<
  Engine,
  'status' | 'containerdVersion' | 'containerdIsReachable' | 'listImages' | 'imageWork'
>;

/** The node as davit sees it, and whether what davit stands on is there. All of it is read at each scrape, from memory. */
export function addNodeMetrics(registry: Registry, engine: NodeMetricsVerbs, version: string): void {
  const gauges = [
    new Gauge({
      name: 'davit_engine_info',
      help: 'Always 1; the labels say what runs here. Before containerd was reached its version is empty.',
      labelNames: ['version', 'containerd', 'kernel', 'architecture', 'node'],
      registers: [],
      collect() {
        this.reset();
        const containerd = engine.containerdVersion();
        this.set({ version, containerd, kernel: release(), architecture: arch(), node: process.version }, 1);
      },
    }),
    figure('davit_engine_cpus', 'Processors of the node.', () => cpus().length),
    figure('davit_engine_memory_bytes', 'Memory of the node.', () => totalmem()),
    figure('davit_containerd_up', 'Whether containerd can be reached.', () => Number(engine.containerdIsReachable())),
    figure('davit_images', 'Images on the node.', () => engine.listImages(undefined).length),
    figure('davit_image_pulls_in_flight', 'Pulls that are under way.', () => engine.imageWork().length),
    new Gauge({
      name: 'davit_condition',
      help: 'What Status tells the kubelet: 1 for a condition that holds.',
      labelNames: ['condition'],
      registers: [],
      collect() {
        for (const { type, ready } of engine.status().conditions) this.set({ condition: type }, Number(ready));
      },
    }),
  ];
  for (const gauge of gauges) registry.registerMetric(gauge);
}

function figure(name: string, help: string, read: () => number): Gauge {
  return new Gauge({
    name,
    help,
    registers: [],
    collect() {
      this.set(read());
    },
  });
}
