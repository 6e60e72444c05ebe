import { EngineError, withContext } from '../errors.ts';
import { ownAnnotation, SECCOMP_PROFILE, takesArtifactProfile } from '../runtime/spec/index.ts';
import type { AnnotationInForce } from '../runtime/spec/index.ts';
import { MAX_PROFILE_BYTES, parseSeccompProfile } from '../security/index.ts';
import type { SeccompFile } from '../security/index.ts';
import type { SandboxRecord } from '../store/index.ts';
import type { Artifact, ContainerSpec, Image } from '../types/index.ts';
import type { OpsDeps } from './deps.ts';

export type ArtifactProfileDeps = Pick<OpsDeps, 'handlers' | 'images'>;

/** A seccomp profile that an annotation names by the artifact that it is in. */
export interface ArtifactProfile extends AnnotationInForce {
  readonly file: SeccompFile;
}

/** Where an artifact has more than one file. */
const FILE = 'seccomp.json';

/**
 * The profile of a container that asks for none by its fields, if an annotation that the handler lets through names one.
 * The artifact is pulled when it is not on the node. Throws an error that names the annotation for one that cannot be had.
 */
export async function artifactProfile(
  deps: ArtifactProfileDeps,
  sandbox: SandboxRecord,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<ArtifactProfile | undefined> {
  if (spec.windows !== undefined || !takesArtifactProfile(spec.security)) return undefined;
  const asked = ownAnnotation(SECCOMP_PROFILE, {
    handler: deps.handlers.resolve(sandbox.handlerName).config,
    pod: sandbox.spec.annotations,
    container: spec.annotations,
    name: spec.metadata.name,
  });
  if (asked === undefined) return undefined;
  try {
    return { ...asked, file: await readProfile(deps, asked.value, signal) };
  } catch (error) {
    throw withContext(error, `annotation ${asked.annotation}`);
  }
}

async function readProfile(
  { images }: Pick<ArtifactProfileDeps, 'images'>,
  reference: string,
  signal: AbortSignal,
): Promise<SeccompFile> {
  const image = images.get(reference) ?? images.get(await images.pull({ image: reference }, signal));
  const { path, size } = fileOf(reference, image);
  if (size > MAX_PROFILE_BYTES)
    throw new EngineError('invalid-argument', `${reference}: ${path} is larger than ${MAX_PROFILE_BYTES} bytes`);
  const bytes = await images.readFile(image?.id ?? '', path, signal);
  const profile = parseSeccompProfile(new TextDecoder().decode(bytes), `${reference}: ${path}`);
  // The node's own programs listen there, and they expect who was sent by the node.
  if (profile.listenerPath === undefined) return profile;
  throw new EngineError(
    'invalid-argument',
    `${reference}: ${path}: listenerPath: only a file of the node may have one`,
  );
}

function fileOf(reference: string, image: Image | undefined): Artifact['files'][number] {
  const files = image?.artifact?.files;
  if (files === undefined)
    throw new EngineError('invalid-argument', `${reference} is no artifact with a profile in it`);
  const [only, ...others] = files;
  const file = others.length === 0 ? only : files.find(({ path }) => path === FILE);
  if (file !== undefined) return file;
  throw new EngineError('invalid-argument', `${reference} has ${files.length} files, and none of them is ${FILE}`);
}
