import { shimBinaryOf, shimKindOf } from '../../shim-kinds.ts';
import { withContext } from '../errors.ts';

/**
 * What `start` gives; its error names the program that containerd was asked for. Of runc's shim nothing is said: it is
 * everywhere, and its own messages say enough.
 */
export async function namingShim<T>(runtimeType: string, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    throw shimKindOf(runtimeType) === 'runc' ? error : withContext(error, `shim ${shimBinaryOf(runtimeType)}`);
  }
}
