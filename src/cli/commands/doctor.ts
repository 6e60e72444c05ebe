import type { Command } from '../command.ts';

export const doctor: Command = {
  name: 'doctor',
  words: [],
  doc: 'Check this host: what is wrong, why it matters, what to do. Exit code 1: something must be mended.',
  options: {
    config: {
      type: 'string',
      value: 'FILE',
      doc: "davitd's configuration, for its folders and handlers. Default: /etc/davit/config.toml.",
    },
    all: { type: 'boolean', short: 'a', doc: 'Show what is fine, too.' },
  },
  async run(call) {
    // It reads the host by system calls, whose binding no other command needs.
    const [{ realHost }, { reportOn }] = await Promise.all([
      import('../../doctor/index.ts'),
      import('../doctor-report.ts'),
    ]);
    await reportOn(realHost(), call);
  },
};
