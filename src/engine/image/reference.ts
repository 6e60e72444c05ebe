import { invalidField } from '../errors.ts';

/** A parsed, normalised image reference: it has a tag or a digest, never both (a digest wins over a tag beside it). */
export interface Reference {
  /** Host and port of the registry as the name says it, e.g. `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** Repository within the registry, e.g. `library/busybox`. */
  readonly path: string;
  /** `domain/path`. */
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
  /** `name:tag` or `name@digest`: the one spelling under which the image is recorded. */
  readonly canonical: string;
}

/** What a request may mean by an image. A short hex string may be a name as well as the start of an id. */
export interface ImageSelector {
  readonly reference?: Reference;
  /** `sha256:` and 64 hex digits: an image id, or the digest of a manifest. */
  readonly digest?: string;
  /** Hex digits that an id may begin with. */
  readonly idPrefix?: string;
}

/** The field of the requests that an image's name stands in. */
export const IMAGE_FIELD = 'image.image';

/** Bytes of a whole reference; longer ones are refused before any pattern looks at them. */
const MAX_REFERENCE_LENGTH = 1024;
/** Bytes of `domain/path`, as registries limit it. */
const MAX_NAME_LENGTH = 255;

const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DEFAULT_DOMAIN = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';
const DEFAULT_TAG = 'latest';

const DOMAIN_LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = new RegExp(`^(?:${DOMAIN_LABEL}(?:\\.${DOMAIN_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const DIGEST_SHAPE = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const FULL_HEX = /^[0-9a-f]{64}$/;
const HEX = /^[0-9a-f]{1,64}$/;
const MAX_PORT = 65535;

/** Parses what a pull asks for: a name, normalised. Throws invalid-argument that names `image.image`. */
export function parseReference(text: string): Reference {
  checkLength(text);
  if (FULL_HEX.test(text) || DIGEST.test(text))
    throw refuse(text, 'an image id names no registry and cannot be pulled');
  const { rest, digest } = splitDigest(text);
  const { remote, tag } = splitTag(text, rest);
  const { domain, path } = splitDomain(remote);
  checkName(text, domain, path);
  const name = `${domain}/${path}`;
  if (name.length > MAX_NAME_LENGTH) throw refuse(text, `the name is longer than ${MAX_NAME_LENGTH} bytes`);
  if (digest !== undefined) return { domain, path, name, digest, canonical: `${name}@${digest}` };
  const known = tag ?? DEFAULT_TAG;
  return { domain, path, name, tag: known, canonical: `${name}:${known}` };
}

/** Parses what a look-up asks for: a name, a digest, an id or the start of one. Throws like parseReference. */
export function parseSelector(text: string): ImageSelector {
  checkLength(text);
  if (DIGEST.test(text)) return { digest: text };
  if (FULL_HEX.test(text)) return { digest: `sha256:${text}` };
  if (text.startsWith('sha256:') && HEX.test(text.slice('sha256:'.length))) {
    return { idPrefix: text.slice('sha256:'.length) };
  }
  const reference = parseReference(text);
  return HEX.test(text) ? { reference, idPrefix: text } : { reference };
}

/** True for a digest of the one algorithm that containerd's content store knows, in lower case. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

function checkLength(text: string): void {
  if (text === '') throw invalidField(IMAGE_FIELD, 'must not be empty');
  if (text.length > MAX_REFERENCE_LENGTH) {
    throw refuse(text, `longer than ${MAX_REFERENCE_LENGTH} bytes`);
  }
}

function splitDigest(text: string): { rest: string; digest?: string } {
  const at = text.indexOf('@');
  if (at < 0) return { rest: text };
  const digest = text.slice(at + 1);
  if (DIGEST.test(digest)) return { rest: text.slice(0, at), digest };
  if (DIGEST_SHAPE.test(digest) && !digest.startsWith('sha256:')) {
    throw refuse(text, 'only sha256 digests are supported');
  }
  throw refuse(text, 'what follows @ is no digest (sha256: and 64 lower-case hex digits)');
}

function splitTag(text: string, rest: string): { remote: string; tag?: string } {
  const colon = rest.indexOf(':', rest.lastIndexOf('/') + 1);
  if (colon < 0) return { remote: rest };
  const tag = rest.slice(colon + 1);
  if (!TAG.test(tag)) {
    throw refuse(
      text,
      `${show(tag)} is no tag (at most 128 letters, digits, "_", "." and "-", beginning with neither of the last two)`,
    );
  }
  return { remote: rest.slice(0, colon), tag };
}

/** The first component is a registry's host if it looks like one: a dot, a port, upper case, or `localhost`. */
function splitDomain(remote: string): { domain: string; path: string } {
  const slash = remote.indexOf('/');
  const first = slash < 0 ? '' : remote.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const domain = isHost && first !== LEGACY_DEFAULT_DOMAIN ? first : DEFAULT_DOMAIN;
  const path = isHost ? remote.slice(slash + 1) : remote;
  const official = domain === DEFAULT_DOMAIN && path !== '' && !path.includes('/');
  return { domain, path: official ? OFFICIAL_PREFIX + path : path };
}

function checkName(text: string, domain: string, path: string): void {
  if (!DOMAIN.test(domain)) throw refuse(text, `${show(domain)} is no registry host`);
  const port = /:([0-9]+)$/.exec(domain)?.[1];
  if (port !== undefined && Number(port) > MAX_PORT) throw refuse(text, `port ${show(port)} does not exist`);
  for (const component of path.split('/')) {
    if (PATH_COMPONENT.test(component)) continue;
    const hint = component === component.toLowerCase() ? '' : ': repository names are lower case';
    throw refuse(text, `${show(component)} is no part of a repository's name${hint}`);
  }
}

function refuse(text: string, problem: string): Error {
  return invalidField(IMAGE_FIELD, `invalid image reference ${show(text)}: ${problem}`);
}

/** Quoted and shortened, so that an error stays one readable line whatever was asked for. */
function show(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
