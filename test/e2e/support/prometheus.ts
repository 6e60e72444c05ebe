import { spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive } from './daemon.ts';
import { freePort } from './free-port.ts';
import { eventually } from './node.ts';
import { must } from './run.ts';

const LIB = fileURLToPath(new URL('../../../hack/lib.sh', import.meta.url));

interface Answer {
  readonly status: string;
  readonly data: unknown;
  readonly error?: string;
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

/** Debian's prometheus or promtool, fetched if the machine has none. */
export async function prometheusProgram(name: 'prometheus' | 'promtool'): Promise<string> {
  return await must('bash', ['-c', '. "$1" && use_prometheus && command -v "$2"', 'bash', LIB, name]);
}

/** A Prometheus of the test's own on loopback, which scrapes one address each second; disposal ends and forgets it. */
export class Prometheus implements AsyncDisposable {
  readonly #dir: string;
  readonly #url: string;
  readonly #pid: number;

  private constructor(dir: string, url: string, pid: number) {
    this.#dir = dir;
    this.#url = url;
    this.#pid = pid;
  }

  static async start(target: string, ruleFile: string): Promise<Prometheus> {
    const program = await prometheusProgram('prometheus');
    const dir = await mkdtemp('/tmp/dvprom');
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [ruleFile],
      scrape_configs: [{ job_name: 'davit', static_configs: [{ targets: [target] }] }],
    };
    const file = join(dir, 'prometheus.yml');
    await writeFile(file, JSON.stringify(config)); // JSON is YAML
    const address = `127.0.0.1:${await freePort()}`;
    await using log = await open(join(dir, 'log'), 'w');
    const args = ['--config.file', file, '--storage.tsdb.path', join(dir, 'data'), '--web.listen-address', address];
    const child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd], cwd: dir });
    const prometheus = new Prometheus(dir, `http://${address}`, child.pid ?? 0);
    await eventually('a ready Prometheus', async () => {
      if (await isAlive(prometheus.#pid)) return (await prometheus.#isReady()) ? true : undefined;
      throw new Error(await readFile(join(dir, 'log'), 'utf8'));
    });
    return prometheus;
  }

  /** What an instant query gives; throws what Prometheus says of one that it cannot parse. */
  async query(expression: string): Promise<readonly Sample[]> {
    const { result } = (await this.#get('query', { query: expression })) as { result: readonly Sample[] };
    return result;
  }

  /** The first value of an instant query; 0 where there is none. */
  async value(expression: string): Promise<number> {
    return Number((await this.query(expression))[0]?.value[1] ?? 0);
  }

  async metricNames(): Promise<readonly string[]> {
    return (await this.#get('label/__name__/values')) as readonly string[];
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = (await this.#get('rules')) as { groups: readonly { rules: readonly Rule[] }[] };
    return groups.flatMap(({ rules }) => rules);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.kill(this.#pid, 'SIGTERM');
    await eventually("Prometheus' end", async () => ((await isAlive(this.#pid)) ? undefined : true));
    await rm(this.#dir, { recursive: true });
  }

  async #isReady(): Promise<boolean> {
    return await fetch(`${this.#url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async #get(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
    const answer = (await response.json()) as Answer;
    if (answer.status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${answer.error}`);
    return answer.data;
  }
}
