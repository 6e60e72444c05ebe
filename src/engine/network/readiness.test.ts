import { describe, expect, it } from 'vitest';
import { parseNetworkConf } from './cni-conf.ts';
import { readinessOf } from './readiness.ts';

const network = parseNetworkConf('{"name":"net","type":"bridge"}', '/etc/cni/net.d/10.conf');
const problem = { path: '/etc/cni/net.d/05.conf', message: 'not JSON' };
const base = { selection: { problems: [] }, dirs: ['/etc/cni/net.d'], builtin: false };

describe('readinessOf()', () => {
  it('is ready with a valid configuration, and still shows the broken file', () => {
    expect(readinessOf({ ...base, selection: { network, problems: [problem] } })).toEqual({
      ready: true,
      reason: '',
      message: 'network "net" of /etc/cni/net.d/10.conf; /etc/cni/net.d/05.conf: not JSON',
    });
  });

  it('says where it looked when there is none', () => {
    const status = readinessOf(base);
    expect(status).toMatchObject({ ready: false, reason: 'CNIConfigMissing' });
    expect(status.message).toContain('/etc/cni/net.d');
  });

  it('shows each parse error when there is no valid one', () => {
    const status = readinessOf({ ...base, selection: { problems: [problem] } });
    expect(status).toMatchObject({ ready: false, reason: 'CNIConfigInvalid' });
    expect(status.message).toContain('/etc/cni/net.d/05.conf: not JSON');
  });

  it('is ready with the built-in network', () => {
    expect(readinessOf({ ...base, builtin: true })).toMatchObject({ ready: true, message: 'the built-in network' });
  });

  it('is not ready while a plugin is missing or says so', () => {
    const selection = { network, problems: [] };
    expect(readinessOf({ ...base, selection, missing: 'no bridge' })).toMatchObject({
      ready: false,
      reason: 'CNIPluginMissing',
    });
    expect(readinessOf({ ...base, selection, notReady: 'wait' })).toMatchObject({
      ready: false,
      reason: 'CNIPluginNotReady',
    });
  });
});
