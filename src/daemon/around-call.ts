import type { Around } from '../rpc/index.ts';
import type { CallContext, Tracer } from '../telemetry/index.ts';

/** Every line that is logged on behalf of a call says which call, and what it is about; with a tracer it is a span. */
export function aroundCall(calls: CallContext, tracer?: Tracer): Around {
  return ({ id, service, method, subject, header }, run) => {
    const fields = { call: id, method, ...subject };
    if (tracer === undefined) return calls.run(fields, run);
    const attributes = { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': method, ...prefixed(subject) };
    return tracer.root({ name: `${service}/${method}`, kind: 'server', attributes }, header, () => {
      const trace = tracer.traceId();
      return calls.run(trace === undefined ? fields : { ...fields, trace }, run);
    });
  };
}

function prefixed(subject: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(subject).map(([key, value]) => [`davit.${key}`, value]));
}
