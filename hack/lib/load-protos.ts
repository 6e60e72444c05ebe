import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';

export interface LoadOptions {
  /** Keep field names as the files spell them instead of camelCase. */
  readonly keepCase?: boolean;
  /** Further include paths, asked in order after the first. */
  readonly include?: readonly string[];
}

/** Parses `files` of the folder `dir` with everything that they import, comments included. */
export function loadRoot(dir: string, files: readonly string[], options: LoadOptions = {}): protobuf.Root {
  const root = new protobuf.Root();
  const wellKnown = dirname(createRequire(import.meta.url).resolve('protobufjs/package.json'));
  const include = [dir, ...(options.include ?? []), wellKnown];
  root.resolvePath = (_origin, target) => {
    if (protobuf.common.get(target) !== null) return target;
    const found = include.map((folder) => join(folder, target)).find((path) => existsSync(path));
    if (found === undefined) throw new Error(`${target}: in none of ${include.join(', ')}`);
    return found;
  };
  root.loadSync([...files], { keepCase: options.keepCase ?? false, alternateCommentMode: true });
  root.resolveAll();
  return root;
}

/** All messages, enums and services below a namespace, nested ones included, in the order of declaration. */
export function* walk(namespace: protobuf.NamespaceBase): Generator<protobuf.ReflectionObject> {
  for (const object of namespace.nestedArray) {
    if (object instanceof protobuf.Type || object instanceof protobuf.Enum || object instanceof protobuf.Service) {
      yield object;
    }
    if (object instanceof protobuf.Namespace && !(object instanceof protobuf.Service)) yield* walk(object);
  }
}

/** The full name without protobufjs' leading dot. */
export function fullName(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '');
}
