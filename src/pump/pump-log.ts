/** The pump's own log. */
export interface PumpLog {
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** JSON lines with the names that davitd's own log uses. */
export function createPumpLog(write: (line: string) => void): PumpLog {
  const log =
    (level: string) =>
    (message: string, fields: object = {}) =>
      write(
        `${JSON.stringify({ level, time: new Date().toISOString(), name: 'davit-pump', ...fields, msg: message })}\n`,
      );
  return { info: log('info'), warn: log('warn'), error: log('error') };
}
