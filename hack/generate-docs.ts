import { writeFileSync } from 'node:fs';
import { configReference } from '../src/config/index.ts';

/** Writes the pages that are made from the sources. */
const page = new URL('../docs/configuration.md', import.meta.url);
writeFileSync(page, configReference());
console.log('docs/configuration.md is written.');
