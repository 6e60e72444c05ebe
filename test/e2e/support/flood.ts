import { Client, credentials } from '@grpc/grpc-js';

/**
 * A client of its own process: `flood.ts ADDRESS METHOD COUNT` makes so many calls at once, on one connection, with empty
 * requests. Prints `begun`, then how many were answered.
 */
const [address = '', method = '', count = '0'] = process.argv.slice(2);
const client = new Client(address, credentials.createInsecure(), { 'grpc.default_authority': 'localhost' });

function bytes(value: Buffer): Buffer {
  return value;
}

function call(): Promise<boolean> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(method, bytes, bytes, Buffer.alloc(0), (error) => resolve(error === null));
  });
}

const calls = Array.from({ length: Number(count) }, call);
process.stdout.write('begun\n');
const answered = (await Promise.all(calls)).filter(Boolean).length;
process.stdout.write(`${answered}\n`);
client.close();
