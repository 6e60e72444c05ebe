// main.ts PACKAGES REGISTRY: builds the test images from the Debian packages unpacked in PACKAGES and pushes them to the registry at REGISTRY.
import { buildImage } from './oci.ts';
import { openPackages } from './packages.ts';
import { push } from './push.ts';
import { recipes } from './recipes.ts';

const [packages, url] = process.argv.slice(2);
if (packages === undefined || url === undefined) throw new Error('usage: main.ts PACKAGES REGISTRY');

for (const recipe of recipes(openPackages(packages))) {
  const image = buildImage(recipe.layers, recipe.config, recipe.form);
  for (const repository of recipe.repositories) {
    const sent = await push({ url }, repository, recipe.tags, image);
    console.log(
      `${sent ? 'pushed' : 'there '} ${repository}:${recipe.tags.join(',')} ${image.manifests.at(-1)?.digest}`,
    );
  }
}
