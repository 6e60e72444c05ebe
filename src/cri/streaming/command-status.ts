/** How a command ended, in the words of `v1.Status` that clients look for. */
export interface CommandStatus {
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: 'NonZeroExitCode' | 'InternalError';
  readonly details?: { readonly causes: readonly { readonly reason: 'ExitCode'; readonly message: string }[] };
  readonly code?: number;
}

export const SUCCESS: CommandStatus = { status: 'Success' };

const HTTP_INTERNAL_ERROR = 500;

export function exitStatus(exitCode: number): CommandStatus {
  if (exitCode === 0) return SUCCESS;
  return {
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with exit code ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

/** `message` is what the client shows. */
export function failureStatus(message: string): CommandStatus {
  return { status: 'Failure', reason: 'InternalError', message, code: HTTP_INTERNAL_ERROR };
}

/** What goes into the error stream: JSON since the fourth version of the protocol, before it the text of a failure. */
export function encodeStatus(status: CommandStatus, format: 'json' | 'text'): string {
  return format === 'json' ? JSON.stringify(status) : (status.message ?? '');
}
