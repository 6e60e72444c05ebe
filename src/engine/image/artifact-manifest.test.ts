import { describe, expect, it } from 'vitest';
import { foldersOf, readArtifactManifest } from './artifact-manifest.ts';
import type { ArtifactManifest } from './artifact-manifest.ts';

const TITLE = 'org.opencontainers.image.title';
const EMPTY = 'application/vnd.oci.empty.v1+json';

function digest(digit: string): string {
  return `sha256:${digit.repeat(64)}`;
}

function layer(title?: string, more: object = {}): object {
  const annotations = title === undefined ? {} : { annotations: { [TITLE]: title } };
  return { mediaType: 'text/plain', digest: digest('a'), size: 3, ...annotations, ...more };
}

function read(layers: readonly object[], more: object = {}): ArtifactManifest {
  const config = { mediaType: EMPTY, digest: digest('c'), size: 2 };
  return readArtifactManifest({ artifactType: 'application/vnd.example', config, layers, ...more }, 'manifest of x');
}

function paths(layers: readonly object[]): readonly string[] {
  return read(layers).files.map(({ path }) => path);
}

describe('readArtifactManifest()', () => {
  it('gives each layer the path of its title, else a name by its digest', () => {
    const files = read([layer('model.bin'), layer('./sub/./dir/x', { digest: digest('b'), size: 0 }), layer()]).files;
    expect(files).toEqual([
      { path: 'model.bin', digest: digest('a'), size: 3 },
      { path: 'sub/dir/x', digest: digest('b'), size: 0 },
      { path: `sha256-${'a'.repeat(64)}`, digest: digest('a'), size: 3 },
    ]);
    expect(paths([layer(undefined, { annotations: { 'org.cncf.model.filepath': 'w/1' } })])).toEqual(['w/1']);
  });

  it('may have no files: no layers, or the one that stands for none', () => {
    expect(read([]).files).toEqual([]);
    expect(read([layer(undefined, { mediaType: EMPTY })])).toMatchObject({ files: [], layers: [{ mediaType: EMPTY }] });
    expect(read([layer('empty', { mediaType: EMPTY })]).files).toHaveLength(1);
  });

  it('is of the type that it says, else of its config’s', () => {
    expect(read([]).type).toBe('application/vnd.example');
    expect(read([], { artifactType: '' }).type).toBe(EMPTY);
  });

  it.each([
    ['../x', 'leads out'],
    ['a/../../x', 'leads out'],
    ['a/..', 'leads out'],
    ['/etc/passwd', 'absolute'],
    ['', 'no path'],
    ['.', 'no path'],
    ['a/', 'no path'],
    ['a//b', 'no path'],
    ['a\0b', 'no path should'],
    ['a\nb', 'no path should'],
    ['a\ud800', 'no path should'],
    ['.wh.etc', 'begins with .wh.'],
    ['a/.wh..wh..opq', 'begins with .wh.'],
    ['n'.repeat(256), 'more than 255 bytes'],
    ['a/'.repeat(2048) + 'b', 'longer than 4095 bytes'],
  ])('refuses the title %j by the layer’s place', (title, problem) => {
    expect(() => read([layer('good'), layer(title)])).toThrow(/^manifest of x: layers\[1\] cannot be a file/);
    expect(() => read([layer('good'), layer(title)])).toThrow(problem);
  });

  it('refuses what cannot be side by side', () => {
    const other = layer('./a/b', { digest: digest('b') });
    expect(() => read([layer('a/b'), other])).toThrow('two files of the name "a/b"');
    expect(paths([layer('a/b'), layer('./a/b'), layer(), layer()])).toEqual(['a/b', `sha256-${'a'.repeat(64)}`]);
    expect(() => read([layer('a/b'), layer('a')])).toThrow('a file "a" and other files below it');
    expect(() => read([layer('a'), layer('a/b/c')])).toThrow('a file "a" and other files below it');
  });

  it('refuses more layers than can be kept, and fields that are none', () => {
    expect(() => read(Array.from({ length: 1001 }, (_, i) => layer(String(i))))).toThrow('more than 1000');
    expect(() => read([layer('a', { size: -1 })])).toThrow('layers[0].size');
    expect(() => read([layer('a', { digest: 'sha256:../x' })])).toThrow('layers[0].digest');
    expect(() => read([layer('a', { annotations: [] })])).toThrow('layers[0].annotations');
  });
});

describe('foldersOf()', () => {
  it('names the folders of a path from the outside in', () => {
    expect(foldersOf('a/b/c')).toEqual(['a', 'a/b']);
    expect(foldersOf('a')).toEqual([]);
  });
});
