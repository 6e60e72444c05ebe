import type { Container, ContainerState, Sandbox, SandboxState, SandboxMetadata, StringMap } from '../types/index.ts';
import type { EventAction, EventContent } from './event-types.ts';

/** Where an object is in its life, as events tell it. `unknown` tells nothing: it is no state to act on. */
type Stage = 'none' | 'created' | 'started' | 'stopped' | 'unknown';

const SANDBOX_STAGES = {
  creating: 'none',
  ready: 'started',
  'not-ready': 'stopped',
} as const satisfies Record<SandboxState['phase'], Stage>;

const CONTAINER_STAGES = {
  creating: 'none',
  created: 'created',
  starting: 'created',
  running: 'started',
  exited: 'stopped',
  unknown: 'unknown',
} as const satisfies Record<ContainerState['phase'], Stage>;

/** What a change of a sandbox's record means; undefined stands for no record. */
export function sandboxEvents(before: Sandbox | undefined, after: Sandbox | undefined): readonly EventContent[] {
  const sandbox = after ?? before;
  if (sandbox === undefined) return [];
  const actions = actionsBetween(
    before === undefined ? 'none' : SANDBOX_STAGES[before.state.phase],
    after === undefined ? 'none' : SANDBOX_STAGES[after.state.phase],
  );
  const { metadata, labels } = sandbox.spec;
  return actions.map((action) => ({
    object: 'sandbox',
    action,
    id: sandbox.id,
    sandboxId: sandbox.id,
    pod: podOf(metadata),
    attempt: metadata.attempt,
    attributes: action === 'stopped' && sandbox.state.phase === 'not-ready' ? { reason: sandbox.state.reason } : {},
    labels,
  }));
}

/** What a change of a container's record means. `pod` is its sandbox's, where that is known. */
export function containerEvents(
  before: Container | undefined,
  after: Container | undefined,
  pod: SandboxMetadata | undefined,
): readonly EventContent[] {
  const container = after ?? before;
  if (container === undefined) return [];
  const actions = actionsBetween(
    before === undefined ? 'none' : CONTAINER_STAGES[before.state.phase],
    after === undefined ? 'none' : CONTAINER_STAGES[after.state.phase],
  );
  const { metadata, labels } = container.spec;
  return withOom(actions, container.state).map((action) => ({
    object: 'container',
    action,
    id: container.id,
    sandboxId: container.sandboxId,
    ...(pod === undefined ? {} : { pod: podOf(pod) }),
    containerName: metadata.name,
    attempt: metadata.attempt,
    attributes: attributesOf(container, action),
    labels,
  }));
}

/** An object that appears in the middle of its life has been through what comes before: its followers expect that. */
function actionsBetween(before: Stage, after: Stage): readonly EventAction[] {
  if (before === after || after === 'unknown') return before === 'none' && after === 'unknown' ? ['created'] : [];
  if (after === 'none') return ['deleted'];
  return before === 'none' && after !== 'created' ? ['created', after] : [after];
}

function withOom(actions: readonly EventAction[], state: ContainerState): readonly EventAction[] {
  if (state.phase !== 'exited' || state.reason !== 'OOMKilled') return actions;
  return actions.flatMap((action) => (action === 'stopped' ? (['oom', action] as const) : [action]));
}

function attributesOf({ spec, imageId, state }: Container, action: EventAction): StringMap {
  const image = { image: spec.image.userSpecified ?? spec.image.image, image_id: imageId };
  if (action !== 'stopped' || state.phase !== 'exited') return image;
  return {
    ...image,
    exit_code: String(state.exitCode),
    reason: state.reason,
    ...(state.message === '' ? {} : { message: state.message }),
  };
}

function podOf({ namespace, name, uid }: SandboxMetadata): NonNullable<EventContent['pod']> {
  return { namespace, name, uid };
}
