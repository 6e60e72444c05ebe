import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { ExportTraceServiceRequest, ExportTraceServiceResponse, TraceService } from './generated/otlp.js';
import type { IExportTraceServiceRequest } from './generated/otlp.js';
import type { TraceSettings } from './settings.ts';

/** Hands spans to a collector. */
export interface Exporter {
  /** Rejects with what the collector said. */
  send(request: IExportTraceServiceRequest): Promise<void>;
  close(): void;
}

export function createExporter(settings: TraceSettings): Exporter {
  return settings.protocol === 'grpc' ? grpcExporter(settings) : httpExporter(settings);
}

function httpExporter({ url, headers, timeoutMs }: TraceSettings): Exporter {
  return {
    send: async (request) => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/x-protobuf' },
        body: Uint8Array.from(ExportTraceServiceRequest.encode(request).finish()),
        signal: AbortSignal.timeout(timeoutMs),
        redirect: 'error',
      });
      const body = await response.bytes();
      if (!response.ok) throw new Error(`${url.host} answered ${response.status}`);
      checkPartial(ExportTraceServiceResponse.decode(body));
    },
    close: () => undefined,
  };
}

function grpcExporter({ url, headers, timeoutMs }: TraceSettings): Exporter {
  const channel = url.protocol === 'https:' ? credentials.createSsl() : credentials.createInsecure();
  const standardPort = url.protocol === 'https:' ? '443' : '80';
  const client = new Client(`${url.hostname}:${url.port || standardPort}`, channel);
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const { path, requestSerialize, responseDeserialize } = TraceService.export;
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          { deadline: Date.now() + timeoutMs },
          (error, response) => {
            if (error !== null) return reject(error);
            try {
              if (response !== undefined) checkPartial(response);
              resolve();
            } catch (problem) {
              reject(problem);
            }
          },
        );
      }),
    close: () => client.close(),
  };
}

function checkPartial({ partialSuccess }: ExportTraceServiceResponse): void {
  const rejected = partialSuccess?.rejectedSpans.toNumber() ?? 0;
  if (rejected > 0) throw new Error(`the collector refused ${rejected} of them: ${partialSuccess?.errorMessage ?? ''}`);
}
