import { ImageService, type Image } from '../../cri/generated/cri.js';
import { printJson, type Command } from '../command.ts';
import { byteSize, shortId, splitTag } from '../format.ts';
import { renderTable } from '../table.ts';
import { toJson } from '../to-json.ts';
import { QUIET_OPTION } from './shared.ts';

const NONE = '<none>';

export const images: Command = {
  name: 'images',
  words: [],
  doc: 'List images.',
  options: { quiet: QUIET_OPTION },
  async run(call) {
    const reply = await call.client.call(ImageService.listImages, {}, call.timeoutMs);
    if (call.json) printJson(call, toJson(reply));
    else if (call.options.flag('quiet')) call.stdout.write(reply.images.map((image) => `${image.id}\n`).join(''));
    else call.stdout.write(renderTable(['IMAGE', 'TAG', 'IMAGE ID', 'SIZE'], reply.images.flatMap(rowsOf)));
  },
};

export const pull: Command = {
  name: 'pull',
  words: ['IMAGE'],
  doc: 'Pull an image and print its id; waits as long as it takes.',
  options: {},
  async run(call) {
    const [image = ''] = call.words;
    const timeoutMs = call.options.text('timeout') === undefined ? 0 : call.timeoutMs;
    const reply = await call.client.call(ImageService.pullImage, { image: { image } }, timeoutMs);
    if (call.json) printJson(call, toJson(reply));
    else call.stdout.write(`${reply.imageRef}\n`);
  },
};

export const rmi: Command = {
  name: 'rmi',
  words: ['IMAGE...'],
  doc: 'Remove images.',
  options: {},
  async run(call) {
    for (const image of call.words) {
      await call.client.call(ImageService.removeImage, { image: { image } }, call.timeoutMs);
    }
    if (call.json) printJson(call, { removed: call.words });
  },
};

/** A row for each tag; an image without one has a row for each name that it was pulled by digest under. */
function rowsOf(image: Image): readonly (readonly string[])[] {
  const names = image.repoTags.map(splitTag);
  const byDigest = image.repoDigests.map((name): readonly [string, string] => [name.replace(/@.*$/, ''), NONE]);
  const shown = names.length > 0 ? names : byDigest.length > 0 ? byDigest : [[NONE, NONE] as const];
  return shown.map(([name, tag]) => [name, tag, shortId(image.id), byteSize(Number(image.size.toString()))]);
}
