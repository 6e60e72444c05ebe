# The peer of hack/bench: a second containerd, of the same version as the node's, with its CRI plugin on. It belongs to the
# node (see node.sh): its files lie below the node's folders, so that what wipes the node wipes it, too. Needs node_names.

# The image of each pod's first container there; it is among the test images.
PEER_PAUSE=registry.k8s.io/pause:3.10

peer_names() {
  PEER_RUN=$NODE_RUN/peer
  PEER_LIB=$NODE_LIB/peer
  PEER_SOCKET=$PEER_RUN/containerd.sock
  PEER_BRIDGE=dvp-${NODE:0:11}
}

# peer_up: starts it, on the registry and the CNI plugins of a node that is up.
peer_up() {
  mkdir -p "$PEER_RUN/net.d" "$PEER_LIB"
  write_peer_config "$PEER_RUN/config.toml"
  write_bridge_config "$PEER_RUN/net.d/10-$NODE.conflist" "$PEER_BRIDGE" "$PEER_LIB/cni"
  say "starting the peer, $(containerd --version | cut -d ' ' -f 1-3) with its CRI plugin"
  start_daemon "$PEER_RUN/containerd.pid" "$NODE_LOG/peer.log" containerd --config "$PEER_RUN/config.toml"
  wait_ready 'the peer' "$PEER_RUN/containerd.pid" "$NODE_LOG/peer.log" 30 peer_ready
  # Not pulled within the first pod's time.
  peer_crictl pull "$PEER_PAUSE" >/dev/null
}

# peer_ready: it serves, and has found its network's configuration.
peer_ready() {
  peer_crictl info | node -e '
    const { status } = JSON.parse(fs.readFileSync(0, "utf8"));
    const ready = (type) => status.conditions.some((c) => c.type === type && c.status);
    process.exit(ready("RuntimeReady") && ready("NetworkReady") ? 0 : 1)'
}

peer_crictl() { crictl --runtime-endpoint "unix://$PEER_SOCKET" --image-endpoint "unix://$PEER_SOCKET" --timeout 60s "$@"; }

peer_ctr() { ctr --address "$PEER_SOCKET" --namespace k8s.io "$@" 2> >(grep -v DEPRECATION: >&2 || true); }

# Other than containerd's defaults is where things lie; and off is what two containerds on one machine cannot both have:
# NRI's socket and /opt/containerd. Where OOM scores cannot be lowered, davit finds out by itself and the peer is told.
write_peer_config() {
  cat >"$1" <<END
version = 3
root = "$PEER_LIB/containerd"
state = "$PEER_RUN/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "$PEER_SOCKET"
[debug]
  level = "info"
[plugins.'io.containerd.nri.v1.nri']
  disable = true
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "$PEER_PAUSE"
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "$NODE_RUN/certs.d"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["$CNI_BIN_DIR"]
  conf_dir = "$PEER_RUN/net.d"
END
}

# peer_leaks: what the peer's pods left, a line each; fails when there is anything.
peer_leaks() {
  local found
  found=$(
    peer_ctr tasks list | tail -n +2 | sed 's/^/task: /'
    peer_ctr containers list --quiet | sed 's/^/container: /'
    peer_ctr snapshots list | awk '$NF == "Active" || $NF == "View" { print "snapshot: " $1 }'
    find "/sys/class/net/$PEER_BRIDGE/brif" -mindepth 1 -printf 'veth: %f\n' 2>/dev/null || true
    addresses_in "$PEER_LIB/cni" | sed 's/^/address: /'
    mounts_below "$PEER_RUN" "$PEER_LIB" | sed 's/^/mount: /'
    processes_named containerd-shim-runc-v2 "$PEER_RUN/" | sed 's/^/shim: /'
  )
  if [ -n "$found" ]; then
    sed 's/^/of the peer: /' <<<"$found"
    return 1
  fi
}

# peer_down: removes its pods and ends it; its files go with the node's.
peer_down() {
  if daemon_alive "$PEER_RUN/containerd.pid"; then
    peer_crictl rmp --all --force >&2 || warn 'not every pod of the peer could be removed: ending what is left of them'
  fi
  stop_daemon "$PEER_RUN/containerd.pid"
  remove_rules "$PEER_BRIDGE"
  [ ! -e "/sys/class/net/$PEER_BRIDGE" ] || ip link delete "$PEER_BRIDGE"
}
