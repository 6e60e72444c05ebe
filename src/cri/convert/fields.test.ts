import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import * as cri from '../generated/cri.js';
import { FIELDS } from './fields.ts';
import type { FieldRule, FieldRules } from './field-rule.ts';
import { propertyOf } from './refuse.ts';

const PROTO = fileURLToPath(new URL('../../../proto/cri/api.proto', import.meta.url));

/** The definition with fields named as the file names them. */
function loadProto(): protobuf.Root {
  const root = new protobuf.Root().loadSync(PROTO, { keepCase: true });
  root.resolveAll();
  return root;
}

function requestOf(root: protobuf.Root, rpc: string): protobuf.Type {
  for (const service of ['RuntimeService', 'ImageService']) {
    const method = root.lookupService(`runtime.v1.${service}`).methods[rpc];
    if (method !== undefined) return root.lookupType(`runtime.v1.${method.requestType}`);
  }
  throw new Error(`no RPC ${rpc} in ${PROTO}`);
}

/** What is wrong with the rules of one message: fields without one, rules without a field, a kind that does not fit. */
function problems(type: protobuf.Type, rules: FieldRules, path: string): string[] {
  const found = Object.keys(rules).filter((name) => type.fields[name] === undefined);
  const stale = found.map((name) => `${path}${name}: is in fields.ts, but not in ${type.name}`);
  const rest = type.fieldsArray.flatMap((field) => {
    const rule = rules[field.name];
    const at = `${path}${field.name}`;
    return rule === undefined ? [`${at}: has no rule`] : fieldProblems(field, rule, at);
  });
  return [...stale, ...rest];
}

function fieldProblems(field: protobuf.Field, rule: FieldRule, at: string): string[] {
  if (rule.rule === 'by-platform')
    return [...fieldProblems(field, rule.linux, at), ...fieldProblems(field, rule.windows, at)];
  const message = !field.map && field.resolvedType instanceof protobuf.Type ? field.resolvedType : undefined;
  if (rule.rule === 'nested') {
    return message === undefined ? [`${at}: is no message`] : problems(message, rule.fields, `${at}.`);
  }
  return message !== undefined && rule.rule === 'handled' ? [`${at}: is a message: its fields need rules`] : [];
}

describe('FIELDS', () => {
  const root = loadProto();

  it.each(Object.entries<FieldRules>(FIELDS))('has a rule for every field of %s, and no more', (rpc, rules) => {
    expect(problems(requestOf(root, rpc), rules, '')).toEqual([]);
  });

  it('would notice a new field and one that has gone', () => {
    const { id: _gone, ...rest } = { id: { rule: 'handled' }, labels: { rule: 'handled' } } as const;
    const type = requestOf(root, 'StopPodSandbox');
    expect(problems(type, rest, '')).toEqual([
      'labels: is in fields.ts, but not in StopPodSandboxRequest',
      'pod_sandbox_id: has no rule',
    ]);
  });

  it('gives every reason', () => {
    expect(reasons(Object.values<FieldRules>(FIELDS)).filter((why) => why.length < 10)).toEqual([]);
  });
});

function reasons(rules: readonly FieldRules[]): string[] {
  return rules.flatMap((fields) =>
    Object.values(fields).flatMap((rule): string[] => {
      if (rule.rule === 'handled') return [];
      if (rule.rule === 'by-platform') return reasons([{ linux: rule.linux, windows: rule.windows }]);
      return rule.rule === 'nested' ? reasons([rule.fields]) : [rule.why];
    }),
  );
}

describe('propertyOf()', () => {
  it('names every field of a request as the generated code does', () => {
    const types = new Map(Object.entries(cri).map(([name, value]) => [name, value as object]));
    const seen = new Set<protobuf.Type>();
    const wrong: string[] = [];
    function visit(type: protobuf.Type): void {
      if (seen.has(type)) return;
      seen.add(type);
      const known = types.get(type.name);
      for (const field of type.fieldsArray) {
        const prototype: unknown = known !== undefined && 'prototype' in known ? known.prototype : undefined;
        const property = propertyOf(field.name);
        if (typeof prototype !== 'object' || prototype === null || !(property in prototype)) {
          wrong.push(`${type.name}.${property}`);
        }
        if (field.resolvedType instanceof protobuf.Type) visit(field.resolvedType);
      }
    }
    const root = loadProto();
    for (const rpc of Object.keys(FIELDS)) visit(requestOf(root, rpc));
    expect(seen.size).toBeGreaterThan(40);
    expect(wrong).toEqual([]);
  });
});
