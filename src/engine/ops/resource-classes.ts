import type { ClassesConfig } from '../engine-config.ts';
import { EngineError } from '../errors.ts';
import type { CgroupLayout } from '../host/index.ts';
import { blockDevices, blockioSupport, ociBlockio, readBlockioFile } from '../runtime/blockio/index.ts';
import { rdtGroups } from '../runtime/rdt.ts';
import type { OciBlockio } from '../runtime/spec/index.ts';
import { classAsked } from './class-annotation.ts';
import type { AskedClass, ClassSubject } from './class-annotation.ts';

export interface ResourceClassDeps {
  readonly classes: ClassesConfig;
  readonly cgroup: CgroupLayout;
  /** Where the kernel's groups are; absent: where it shows them. */
  readonly resctrl?: string;
}

/** What classes add to a container's spec. `notices`: what is left out. */
export interface ResourceClasses {
  readonly blockio?: OciBlockio;
  readonly rdtGroup?: string;
  readonly notices: readonly string[];
}

/**
 * The classes that annotations ask for, looked up on the node as it is now. Throws an error that names annotation, class
 * and key for one that the node does not have, unless such are to be left out.
 */
export async function resourceClasses(deps: ResourceClassDeps, subject: ClassSubject): Promise<ResourceClasses> {
  const notices: string[] = [];
  const tolerant = async <T>(asked: AskedClass | undefined, look: (asked: AskedClass) => Promise<T>) => {
    try {
      return asked === undefined ? undefined : await look(asked);
    } catch (error) {
      if (!(error instanceof MissingClass) || !deps.classes.tolerateMissing) throw error;
      notices.push(error.message);
      return undefined;
    }
  };
  const blockio = await tolerant(classAsked('blockio', subject), (asked) => blockioOf(deps, asked, notices));
  const rdtGroup = await tolerant(classAsked('rdt', subject), (asked) => rdtGroupOf(deps, asked));
  return {
    ...(blockio === undefined ? {} : { blockio }),
    ...(rdtGroup === undefined ? {} : { rdtGroup }),
    notices,
  };
}

/** What `tolerate_missing` is about; a broken file is not. */
class MissingClass extends EngineError {
  constructor({ annotation, name }: AskedClass, problem: string) {
    super('failed-precondition', `annotation ${annotation}: class ${JSON.stringify(name)}: ${problem}`);
  }
}

async function blockioOf(
  { classes, cgroup }: ResourceClassDeps,
  asked: AskedClass,
  notices: string[],
): Promise<OciBlockio> {
  const { blockioFile } = classes;
  if (blockioFile === undefined) throw new MissingClass(asked, 'this node has none of disk I/O (classes.blockio_file)');
  const support = await blockioSupport(cgroup);
  if (support === undefined) throw new MissingClass(asked, 'this node has no cgroups that limit disk I/O');
  const known = await readBlockioFile(blockioFile);
  const rules = known.get(asked.name);
  if (rules === undefined)
    throw new MissingClass(asked, `is none of ${blockioFile}, which has ${list([...known.keys()])}`);
  const resolved = await Promise.all(
    rules.map(async ({ devices: patterns, ...rule }) => {
      if (patterns === undefined) return rule;
      const { devices, notices: unmatched } = await blockDevices(patterns);
      notices.push(...unmatched.map((notice) => `${blockioFile}: ${notice}`));
      return { ...rule, devices };
    }),
  );
  const plan = ociBlockio(resolved, support.hasWeights);
  notices.push(...plan.notices.map((notice) => `class ${asked.name} of disk I/O: ${notice}`));
  return plan.blockio;
}

async function rdtGroupOf({ classes, resctrl }: ResourceClassDeps, asked: AskedClass): Promise<string> {
  if (!classes.rdt) throw new MissingClass(asked, 'this node gives none of caches and memory bandwidth (classes.rdt)');
  const groups = await rdtGroups(resctrl);
  if (groups === undefined) throw new MissingClass(asked, 'resctrl is not mounted, or this kernel has none');
  if (!groups.includes(asked.name)) throw new MissingClass(asked, `is no group of resctrl, which has ${list(groups)}`);
  return asked.name;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
