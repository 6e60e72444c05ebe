import { readDescriptor } from './descriptor.ts';
import type { Descriptor } from './descriptor.ts';
import { asArray, asObject, field, refuse } from './json.ts';
import type { JsonObject } from './json.ts';

/** The manifest of what is no image: blobs with names, such as a model, a chart, or profiles. */
export interface ArtifactManifest {
  readonly kind: 'artifact';
  /** What it is, by its maker's word: a media type. */
  readonly type: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly files: readonly ArtifactFile[];
}

/** One of an artifact's blobs as a file. */
export interface ArtifactFile {
  /** Below the artifact's folder: relative, no part of it `.` or `..`, none of another file's folders. */
  readonly path: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** Each is a label on the manifest, and a member of an archive. */
const MAX_LAYERS = 1_000;
/** Annotations by which a layer has a file's path: the OCI image specification's, and the model specification's. */
const PATH_ANNOTATIONS = ['org.opencontainers.image.title', 'org.cncf.model.filepath'];
/** Stands where a list must not be empty, and for no file. */
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
/** Bytes of a path (PATH_MAX) and of a name (NAME_MAX). */
const MAX_PATH = 4095;
const MAX_NAME = 255;
/** By names that begin so an archive of a layer takes other files away. */
const WHITEOUT = '.wh.';

/**
 * Reads the manifest of an artifact. Throws failed-precondition that names the layer for a path that leads elsewhere, or
 * that two files cannot both have: all of it was written by whoever made the artifact.
 */
export function readArtifactManifest(document: JsonObject, what: string): ArtifactManifest {
  const config = readDescriptor(field(document, 'config'), `${what}: config`, true);
  const declared = field(document, 'artifactType');
  const entries = asArray(field(document, 'layers') ?? [], `${what}: layers`);
  if (entries.length > MAX_LAYERS) throw refuse(what, `has ${entries.length} layers, more than ${MAX_LAYERS}`);
  const layers = entries.map((entry, i) => readDescriptor(entry, `${what}: layers[${i}]`, true));
  const files = entries.flatMap((entry, i) => {
    const layer = layers[i];
    const place = `${what}: layers[${i}]`;
    return layer === undefined ? [] : fileOf(layer, asObject(entry, place), place);
  });
  const places = withoutRepeats(files);
  checkPlaces(places, what);
  return {
    kind: 'artifact',
    type: typeof declared === 'string' && declared !== '' ? declared : config.mediaType,
    config,
    layers,
    files: places,
  };
}

function fileOf(layer: Descriptor, entry: JsonObject, what: string): readonly ArtifactFile[] {
  const { digest, size } = layer;
  const title = titleOf(entry, what);
  if (title !== undefined) return [{ path: toPath(title, what), digest, size }];
  return layer.mediaType === EMPTY_TYPE ? [] : [{ path: digest.replace(':', '-'), digest, size }];
}

function titleOf(entry: JsonObject, what: string): string | undefined {
  const given = field(entry, 'annotations');
  if (given === undefined || given === null) return undefined;
  const annotations = asObject(given, `${what}.annotations`);
  return PATH_ANNOTATIONS.map((name) => field(annotations, name)).find((value) => typeof value === 'string');
}

function toPath(title: string, what: string): string {
  const problem = problemOf(title);
  if (problem !== undefined)
    throw refuse(what, `cannot be a file: its title ${JSON.stringify(shown(title))} ${problem}`);
  return partsOf(title).join('/');
}

function problemOf(title: string): string | undefined {
  // A lone half of a pair has no bytes of its own, and a control character no place in a list or a log.
  if (!title.isWellFormed() || /\p{Cc}/u.test(title)) return 'holds what no path should';
  if (title.startsWith('/')) return 'is an absolute path';
  if (Buffer.byteLength(title) > MAX_PATH) return `is longer than ${MAX_PATH} bytes`;
  const parts = partsOf(title);
  if (parts.length === 0 || parts.includes('')) return 'is no path of a file';
  if (parts.includes('..')) return 'leads out of its folder';
  if (parts.some((part) => Buffer.byteLength(part) > MAX_NAME)) return `has a name of more than ${MAX_NAME} bytes`;
  return parts.some((part) => part.startsWith(WHITEOUT)) ? `has a name that begins with ${WHITEOUT}` : undefined;
}

function partsOf(title: string): readonly string[] {
  return title.split('/').filter((part) => part !== '.');
}

/** The same bytes at the same place are one file, however often they are named. */
function withoutRepeats(files: readonly ArtifactFile[]): readonly ArtifactFile[] {
  return [...new Map(files.map((file) => [`${file.digest} ${file.path}`, file])).values()];
}

function checkPlaces(files: readonly ArtifactFile[], what: string): void {
  const folders = new Set(files.flatMap(({ path }) => foldersOf(path)));
  const paths = new Set<string>();
  for (const { path } of files) {
    const name = JSON.stringify(shown(path));
    if (paths.has(path)) throw refuse(what, `has two files of the name ${name}`);
    if (folders.has(path)) throw refuse(what, `has a file ${name} and other files below it`);
    paths.add(path);
  }
}

/** The folders that a file lies in, the outermost first. */
export function foldersOf(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_part, i) => parts.slice(0, i + 1).join('/'));
}

function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
