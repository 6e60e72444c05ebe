/** One thing that is wrong with the configuration, and where. */
export interface ConfigProblem {
  /** A file's path, or `command line`. */
  readonly file: string;
  /** Counted from 1; absent where there are no lines. */
  readonly line?: number;
  /** The dotted key or the flag; '' when the whole file is meant. */
  readonly key: string;
  readonly message: string;
}

/** The configuration cannot be used. Lists every problem that was found, not only the first; the daemon exits with 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** `file:line: key: message`, leaving out what there is not. */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  return [place, problem.key, problem.message].filter((part) => part !== '').join(': ');
}
