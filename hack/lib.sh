# Shared by the scripts under hack/; sourced, never run.
# Everything that is fetched or built lies outside the tree, below $CACHE, keyed by version: used when there, never required.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${DAVIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/davit}

for part in versions lib/common.sh lib/setup.sh lib/daemon.sh lib/images.sh lib/node.sh lib/node-down.sh lib/kubelet.sh \
  lib/kubelet-down.sh; do
  # shellcheck source=/dev/null
  . "$ROOT/hack/$part"
done
unset part
