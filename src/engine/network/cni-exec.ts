import { EngineError, messageOf } from '../errors.ts';
import { runtimeConfigFor } from './capabilities.ts';
import type { NetworkConf, PluginConf } from './cni-conf.ts';
import { isAtLeast } from './cni-version.ts';
import type { JsonObject } from './json.ts';
import { isObject, textOf } from './json.ts';
import { describe } from './plugin-error.ts';
import type { CniVerb } from './plugin-error.ts';
import { findPlugin, PluginRefusal, runPlugin } from './plugin.ts';
import type { Limits } from './plugin.ts';

/** What every verb about one pod on one network is told; equal from ADD to DEL. */
export interface Attachment {
  readonly network: NetworkConf;
  readonly binDirs: readonly string[];
  readonly containerId: string;
  /** '' when the namespace is gone. */
  readonly netns: string;
  readonly ifName: string;
  /** Pairs of CNI_ARGS. */
  readonly args: readonly (readonly [name: string, value: string])[];
  readonly capabilityArgs: JsonObject;
}

/** How far an ADD got: what a DEL of it owes. */
export interface AddProgress {
  /** Plugins whose ADD was started. */
  readonly begun: number;
  /** The last of them ended by itself, with an error. */
  readonly refused: boolean;
  /** Of the last plugin that succeeded. */
  readonly result?: JsonObject;
}

/** An attachment that is there in the eyes of GC. */
export interface ValidAttachment {
  readonly containerID: string;
  readonly ifname: string;
}

/**
 * ADD of every plugin in order, each given the result of the one before. Returns the last result. Nothing is undone here:
 * `onProgress` says, before and after each plugin, what a DEL owes.
 */
export async function addNetwork(
  attachment: Attachment,
  limits: Limits,
  onProgress: (progress: AddProgress) => void,
): Promise<JsonObject> {
  const { network } = attachment;
  // All binaries first: a chain that cannot be finished is not begun.
  const paths = await findAll(network, attachment.binDirs);
  let result: JsonObject | undefined;
  for (const [index, plugin] of network.plugins.entries()) {
    const progress = { begun: index + 1, ...(result === undefined ? {} : { result }) };
    onProgress({ ...progress, refused: false });
    try {
      result = await run('ADD', attachment, plugin, paths[index] ?? '', result, limits);
    } catch (error) {
      onProgress({ ...progress, refused: error instanceof PluginRefusal });
      throw error;
    }
    if (result === undefined) {
      throw new EngineError('internal', `${describe(subjectOf('ADD', plugin, network))} printed no result`);
    }
    onProgress({ begun: index + 1, refused: false, result });
  }
  if (result === undefined) throw new EngineError('internal', `network "${network.name}" has no plugins`);
  return result;
}

/**
 * DEL of every plugin that ADD began, in reverse. Stops at the first failure, as the specification says: what a later
 * plugin set up may point at what an earlier one holds (a port mapping at an address). Only a plugin whose ADD refused owes
 * nothing: its failure is told to `onIgnored`.
 */
export async function delNetwork(
  attachment: Attachment,
  progress: AddProgress | undefined,
  limits: Limits,
  onIgnored: (message: string) => void,
): Promise<void> {
  const { network, binDirs } = attachment;
  const begun = progress?.begun ?? network.plugins.length;
  const prevResult = isAtLeast(network.cniVersion, '0.4.0') ? progress?.result : undefined;
  for (const [index, plugin] of [...network.plugins.entries()].slice(0, begun).reverse()) {
    try {
      const path = await findPlugin(plugin.type, binDirs, network.name);
      await run('DEL', attachment, plugin, path, prevResult, limits);
    } catch (error) {
      const owesNothing = progress?.refused === true && index === begun - 1;
      if (!owesNothing || limits.signal.aborted || limits.deadline.aborted) throw error;
      onIgnored(messageOf(error));
    }
  }
}

/** CHECK of every plugin in order; does nothing where the network's version or configuration has none. */
export async function checkNetwork(attachment: Attachment, result: JsonObject, limits: Limits): Promise<void> {
  const { network, binDirs } = attachment;
  if (network.disableCheck || !isAtLeast(network.cniVersion, '0.4.0')) return;
  for (const plugin of network.plugins) {
    const path = await findPlugin(plugin.type, binDirs, network.name);
    await run('CHECK', attachment, plugin, path, result, limits);
  }
}

/** STATUS of every plugin; does nothing where the network's version has none. Throws the first plugin's error. */
export async function statusOfNetwork(network: NetworkConf, binDirs: readonly string[], limits: Limits): Promise<void> {
  if (!isAtLeast(network.cniVersion, '1.1.0')) return;
  for (const plugin of network.plugins) {
    const subject = subjectOf('STATUS', plugin, network);
    const path = await findPlugin(plugin.type, binDirs, network.name);
    await runPlugin({ subject, path, env: pathEnv(binDirs), config: configOf(plugin, network, {}) }, limits);
  }
}

/**
 * GC of every plugin: it deletes each attachment to the network that is not among `valid`, whoever made it. Does nothing
 * where the network's version or configuration has none.
 */
export async function gcNetwork(
  network: NetworkConf,
  binDirs: readonly string[],
  valid: readonly ValidAttachment[],
  limits: Limits,
): Promise<void> {
  if (network.disableGc || !isAtLeast(network.cniVersion, '1.1.0')) return;
  for (const plugin of network.plugins) {
    const subject = subjectOf('GC', plugin, network);
    const path = await findPlugin(plugin.type, binDirs, network.name);
    const config = configOf(plugin, network, { 'cni.dev/valid-attachments': valid });
    await runPlugin({ subject, path, env: pathEnv(binDirs), config }, limits);
  }
}

/** Paths of all plugins of a network, in order. Throws for the first that is missing, plugins' own IPAM plugins included. */
export async function findAll(network: NetworkConf, binDirs: readonly string[]): Promise<readonly string[]> {
  for (const { ipam } of network.plugins) {
    const type = isObject(ipam) ? textOf(ipam['type']) : undefined;
    if (type !== undefined) await findPlugin(type, binDirs, network.name);
  }
  return await Promise.all(network.plugins.map(({ type }) => findPlugin(type, binDirs, network.name)));
}

async function run(
  verb: CniVerb,
  attachment: Attachment,
  plugin: PluginConf,
  path: string,
  prevResult: JsonObject | undefined,
  limits: Limits,
): Promise<JsonObject | undefined> {
  const { network, binDirs, containerId, netns, ifName, args, capabilityArgs } = attachment;
  const runtimeConfig = runtimeConfigFor(plugin, capabilityArgs);
  const config = configOf(plugin, network, {
    ...(Object.keys(runtimeConfig).length === 0 ? {} : { runtimeConfig }),
    ...(prevResult === undefined ? {} : { prevResult }),
  });
  const env = {
    ...pathEnv(binDirs),
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: ifName,
    CNI_ARGS: args.map(([name, value]) => `${name}=${value}`).join(';'),
  };
  return await runPlugin({ subject: subjectOf(verb, plugin, network), path, env, config }, limits);
}

/** What the plugin reads: its own part, without what only the runtime reads, and what the specification adds to it. */
function configOf(plugin: PluginConf, network: NetworkConf, more: JsonObject): JsonObject {
  const { capabilities: _, ...own } = plugin;
  return { ...own, name: network.name, cniVersion: network.cniVersion, ...more };
}

function pathEnv(binDirs: readonly string[]): { readonly CNI_PATH: string } {
  return { CNI_PATH: binDirs.join(':') };
}

function subjectOf(
  verb: CniVerb,
  { type }: PluginConf,
  { name }: NetworkConf,
): { verb: CniVerb; type: string; network: string } {
  return { verb, type, network: name };
}
