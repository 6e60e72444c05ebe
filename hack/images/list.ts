// list.ts REGISTRY: prints every repository:tag of the registry at REGISTRY.
const [url] = process.argv.slice(2);
if (url === undefined) throw new Error('usage: list.ts REGISTRY');

const { repositories } = (await get('/v2/_catalog?n=1000')) as { readonly repositories: readonly string[] };
for (const repository of repositories) {
  const { tags } = (await get(`/v2/${repository}/tags/list`)) as { readonly tags: readonly string[] };
  for (const tag of tags) console.log(`${repository}:${tag}`);
}

async function get(path: string): Promise<unknown> {
  const response = await fetch(`${url}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}
