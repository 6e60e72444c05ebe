/**
 * `/dev/x[:/dev/y[:rwm]]`: a device of the node, its path in the container, what may be done. Paths are below /dev,
 * without `.` and `..`; permissions in the order of r, w, m.
 */
export const DEVICE_TEXT =
  /^\/dev(\/(?!\.\.?(\/|:|$))[^/:\s]+)+(:\/dev(\/(?!\.\.?(\/|:|$))[^/:\s]+)+(:(?=[rwm])r?w?m?)?)?$/;

/** What stands for a device, taken apart. */
export interface NamedDevice {
  readonly hostPath: string;
  readonly containerPath: string;
  /** A subset of `rwm`. */
  readonly permissions: string;
}

const ALL_PERMISSIONS = 'rwm';

/** The container's path is the node's, and everything may be done, unless the text says so. Undefined for any other text. */
export function parseDeviceText(text: string): NamedDevice | undefined {
  if (!DEVICE_TEXT.test(text)) return undefined;
  const [hostPath = '', containerPath = hostPath, permissions = ALL_PERMISSIONS] = text.split(':');
  return { hostPath, containerPath, permissions };
}
