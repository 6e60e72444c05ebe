import { invalidField } from '../../engine/index.ts';
import type { Platform } from '../../engine/index.ts';
import type { FieldRule, FieldRules, RefuseWhen } from './field-rule.ts';

/** Throws invalid-argument, naming the first field of the message that asks for what is not carried out. */
export type Refusal = (message: object) => void;

/**
 * The refusals of a request as one function; messages without any cost nothing. Without a platform, those that do not
 * depend on it.
 */
export function compileRefusal(rules: FieldRules, platform?: Platform): Refusal {
  const checks = compile(rules, platform);
  return (message) => check(checks, message, '');
}

/** The refusals of a request for each system that a pod can be for. */
export function refusalsByPlatform(rules: FieldRules): Readonly<Record<Platform, Refusal>> {
  return { linux: compileRefusal(rules, 'linux'), windows: compileRefusal(rules, 'windows') };
}

interface RefusedField {
  /** The name in the proto, for the error. */
  readonly name: string;
  /** The name in the decoded message. */
  readonly property: string;
  readonly why: string;
  readonly when: RefuseWhen;
}

interface NestedField {
  readonly name: string;
  readonly property: string;
  readonly checks: Checks;
}

interface Checks {
  readonly refused: readonly RefusedField[];
  readonly nested: readonly NestedField[];
}

/** As protobufjs names fields: an underscore and a lower-case letter become the upper-case letter. */
export function propertyOf(protoName: string): string {
  const rest = protoName.slice(1).replace(/_([a-z])(?=[a-z]|$)/g, (_match, letter: string) => letter.toUpperCase());
  return protoName.slice(0, 1) + rest;
}

function compile(rules: FieldRules, platform: Platform | undefined): Checks {
  const refused: RefusedField[] = [];
  const nested: NestedField[] = [];
  for (const [name, either] of Object.entries(rules)) {
    const rule = ruleOf(either, platform);
    if (rule === undefined) continue;
    const property = propertyOf(name);
    if (rule.rule === 'refused') refused.push({ name, property, why: rule.why, when: rule.when });
    if (rule.rule === 'nested') {
      const checks = compile(rule.fields, platform);
      if (checks.refused.length + checks.nested.length > 0) nested.push({ name, property, checks });
    }
  }
  return { refused, nested };
}

function ruleOf(rule: FieldRule, platform: Platform | undefined): FieldRule | undefined {
  if (rule.rule !== 'by-platform') return rule;
  return platform === undefined ? undefined : ruleOf(rule[platform], platform);
}

function check(checks: Checks, message: object, path: string): void {
  const values = message as Readonly<Record<string, unknown>>;
  for (const { name, property, why, when } of checks.refused) {
    if (when(values[property], values)) throw invalidField(path + name, `is not supported: ${why}`);
  }
  for (const { name, property, checks: inner } of checks.nested) {
    const value = values[property];
    if (Array.isArray(value)) {
      value.forEach((item: object, index) => check(inner, item, `${path}${name}[${index}].`));
    } else if (typeof value === 'object' && value !== null) {
      check(inner, value, `${path}${name}.`);
    }
  }
}
