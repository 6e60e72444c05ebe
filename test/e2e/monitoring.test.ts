import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUSYBOX, Pod, crictl, eventually, mustCrictl, nodeEnv } from './support/node.ts';
import { Prometheus, prometheusProgram } from './support/prometheus.ts';
import { must } from './support/run.ts';

const FOLDER = fileURLToPath(new URL('../../docs/monitoring', import.meta.url));
const ALERTS = `${FOLDER}/alerts.yml`;
const DASHBOARD = `${FOLDER}/dashboard.json`;
/** Rates need two samples, which are a second apart. */
const DATA_WAIT_MS = 60_000;

/** Panels that a healthy davitd has nothing for. */
const MAY_BE_EMPTY = new Set(['Left alone']);

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: Place;
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
}

interface Query {
  readonly title: string;
  readonly expression: string;
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
  readonly templating: { readonly list: readonly Variable[] };
}

async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(await readFile(DASHBOARD, 'utf8')) as Dashboard;
}

/** As Grafana fills its variables in. */
function filledIn(expression: string): string {
  return expression.replaceAll('$instance', '.+').replaceAll('$__rate_interval', '30s');
}

async function dashboardQueries(): Promise<readonly Query[]> {
  const { panels } = await readDashboard();
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ title, expression: filledIn(expr) })),
  );
}

/** Pairs of panels that would lie upon each other. */
function overlaps(panels: readonly Panel[]): readonly string[] {
  return panels.flatMap((one, index) =>
    panels.slice(index + 1).flatMap((two) => (hits(one.gridPos, two.gridPos) ? [`${one.title}, ${two.title}`] : [])),
  );
}

function hits(a: Place, b: Place): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

describe('the dashboard', () => {
  it('asks for its data source when it is imported, and every query goes there', async () => {
    const { panels, annotations, templating } = await readDashboard();
    const [source, instance] = templating.list;
    expect(source).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    expect(instance).toMatchObject({ name: 'instance', type: 'query' });
    const askers = [...panels.filter(({ type }) => type !== 'row'), ...annotations.list, instance];
    const queries = [...askers, ...panels.flatMap(({ targets = [] }) => targets)];
    expect(queries.length).toBeGreaterThan(60);
    for (const query of queries)
      expect(query).toHaveProperty('datasource', { type: 'prometheus', uid: '${datasource}' });
  });

  it('has panels with ids of their own, side by side on a grid of 24', async () => {
    const { panels } = await readDashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(overlaps(panels)).toEqual([]);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    for (const { targets = [] } of panels) {
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });
});

describe('alert rules, by promtool', () => {
  it('are valid', async () => {
    const promtool = await prometheusProgram('promtool');
    expect(await must(promtool, ['check', 'rules', ALERTS])).toMatch(/SUCCESS: \d+ rules found/);
  });

  it('fire when they should, and only then', async () => {
    const promtool = await prometheusProgram('promtool');
    await must(promtool, ['test', 'rules', `${FOLDER}/alerts.test.yml`]);
    const tests = await readFile(`${FOLDER}/alerts.test.yml`, 'utf8');
    const alerts = [...(await readFile(ALERTS, 'utf8')).matchAll(/alert: (\w+)/g)].map(([, name]) => name ?? '');
    expect(alerts.filter((name) => !tests.includes(name))).toEqual([]);
  });
});

describe('a real Prometheus that scrapes davitd', () => {
  const stack = new AsyncDisposableStack();
  let prometheus: Prometheus;

  beforeAll(async () => {
    prometheus = stack.use(await Prometheus.start(nodeEnv()['DAVIT_METRICS'] ?? '', ALERTS));
    await mustCrictl('pull', BUSYBOX);
    const pod = stack.use(await Pod.run('monitored'));
    await pod.start('main', { command: ['sh', '-c', 'while :; do date; sleep 1; done'] });
    // Failures have panels, too: one of a call, one of a step.
    const broken = await pod.create('broken', { command: ['/no/such/program'] });
    await crictl('start', broken);
    await crictl('pull', 'registry.k8s.io/no/such:image');
  });
  afterAll(async () => {
    await stack.disposeAsync();
  });

  it('has data for every panel of the dashboard', async () => {
    const queries = await dashboardQueries();
    expect(queries.length).toBeGreaterThan(20);
    let empty: readonly string[] = [];
    const find = async (): Promise<true | undefined> => {
      const found = await Promise.all(
        queries.map(async ({ expression }) => (await prometheus.query(expression)).length),
      );
      empty = queries.filter((_query, index) => found[index] === 0).map(({ title }) => title);
      return empty.every((title) => MAY_BE_EMPTY.has(title)) ? true : undefined;
    };
    await eventually('data for every panel', find, DATA_WAIT_MS).catch((error: unknown) => {
      throw new Error(`no data for: ${empty.join(', ')}`, { cause: error });
    });
  });

  it('has values for its variable, and takes its annotations', async () => {
    const { annotations, templating } = await readDashboard();
    const query = templating.list.map((variable) => variable.query).find((each) => typeof each !== 'string');
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(query?.query ?? '') ?? [];
    expect(await prometheus.query(`count by (${label}) (${metric}{${label}!=""})`)).toHaveLength(1);
    // It has started once: to be asked without an error is all there is.
    for (const { expr } of annotations.list) await prometheus.query(filledIn(expr));
  });

  it('knows every metric that dashboard and alerts name', async () => {
    const known = new Set(await prometheus.metricNames());
    const text = (await readFile(DASHBOARD, 'utf8')) + (await readFile(ALERTS, 'utf8'));
    const named = new Set(text.match(/\b(?:davit|engine|nodejs|process)_[a-z][a-z0-9_]*/g));
    const mayBeAbsent = new Set(['davit_reconcile_orphans_kept']);
    expect([...named].filter((name) => !known.has(name) && !mayBeAbsent.has(name))).toEqual([]);
  });

  it('evaluates every alert rule, and none fires for a healthy davitd', async () => {
    const rules = await eventually('an evaluation of every rule', async () => {
      const found = await prometheus.rules();
      return found.length > 0 && found.every(({ health }) => health !== 'unknown') ? found : undefined;
    });
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([]);
  });

  it('counts what containers write and what fails', async () => {
    await eventually('lines of output', async () =>
      (await prometheus.value('davit_output_lines_total')) > 0 ? true : undefined,
    );
    const failed = 'davit_grpc_server_handled_total{grpc_method="StartContainer", grpc_code!="OK"}';
    expect(await prometheus.value(failed)).toBeGreaterThan(0);
    expect(await prometheus.value('davit_containers{state="running"}')).toBeGreaterThan(0);
    expect(await prometheus.value('davit_build_info')).toBe(1);
  });
});
