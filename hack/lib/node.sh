# A node to try things on: a registry with the test images, a containerd of its own without its CRI plugin, and a davitd
# of this tree. Everything of the node called NAME lies in /run/davit-NAME (sockets, state) and /var/lib/davit-NAME.

# davit's built-in network: its bridge, and where host-local keeps its addresses. All davits of a machine share it.
BUILTIN_BRIDGE=davit0
BUILTIN_ADDRESSES=/var/lib/cni/networks/davit

# node_names: sets the paths of the node that DAVIT_NODE names.
node_names() {
  NODE=${DAVIT_NODE:-node}
  [[ $NODE =~ ^[a-z0-9][a-z0-9-]{0,15}$ ]] || die "DAVIT_NODE=$NODE: a name is up to 16 of a-z, 0-9 and -"
  NODE_RUN=/run/davit-$NODE
  NODE_LIB=/var/lib/davit-$NODE
  NODE_LOG=$NODE_RUN/log
  NODE_BRIDGE=dvt-${NODE:0:11}
  NODE_CONTAINERD=$NODE_RUN/containerd/containerd.sock
}

# node_lock: one script at a time brings the node up or down.
node_lock() { hold_lock "davit-$NODE"; }

# node_is_up: true when the node's settings are there; sets NODE_KIND, NODE_NETWORK, NODE_SOCKET, REGISTRY_PORT, METRICS_PORT.
node_is_up() {
  [ -s "$NODE_RUN/settings" ] || return 1
  # shellcheck source=/dev/null
  . "$NODE_RUN/settings"
}

# node_need KIND: what a node with this containerd needs on the machine, in PATH and CNI_BIN_DIR.
node_need() {
  apt_need iproute2 procps
  case "$1" in
    debian) use_containerd_debian ;;
    lts) use_containerd_lts ;;
    current) use_containerd_current ;;
    *) die "--containerd is debian, lts or current, not $1" ;;
  esac
  use_node
  if have_go; then use_crictl; fi
}

# node_up KIND NETWORK SOCKET: brings up whatever of the node is not up yet.
node_up() {
  local kind=$1 network=$2 socket=$3
  if node_is_up && [ "$kind $network $socket" != "$NODE_KIND $NODE_NETWORK $NODE_SOCKET" ]; then
    die "the node $NODE is up with containerd $NODE_KIND, network $NODE_NETWORK and $NODE_SOCKET: take it down first"
  fi
  node_need "$kind"
  build_davit
  build_images
  mkdir -p "$NODE_RUN" "$NODE_LIB" "$NODE_LOG"
  node_is_up || printf '%s\n' "NODE_KIND=$kind" "NODE_NETWORK=$network" "NODE_SOCKET=$socket" \
    "REGISTRY_PORT=$(free_port)" "METRICS_PORT=$(free_port)" >"$NODE_RUN/settings"
  node_is_up
  node_start_registry
  node_start_containerd
  write_node_config
  node_start_davitd
}

# The registry works on a copy: what tests push to it ends with the node.
node_start_registry() {
  ! daemon_alive "$NODE_RUN/registry/registry.pid" || return 0
  say "starting the registry on 127.0.0.1:$REGISTRY_PORT"
  [ -d "$NODE_LIB/registry" ] || cp -a --reflink=auto "$IMAGES_STORAGE" "$NODE_LIB/registry"
  start_registry "$NODE_RUN/registry" "$NODE_LIB/registry" "$REGISTRY_PORT"
  write_certs "$NODE_RUN/certs.d" "$REGISTRY_PORT"
}

node_start_containerd() {
  local home=$NODE_RUN/containerd
  ! daemon_alive "$home/containerd.pid" || return 0
  say "starting $(containerd --version | cut -d ' ' -f 1-3)"
  mkdir -p "$home"
  write_containerd_config "$home/config.toml"
  start_daemon "$home/containerd.pid" "$NODE_LOG/containerd.log" containerd --config "$home/config.toml"
  wait_ready containerd "$home/containerd.pid" "$NODE_LOG/containerd.log" 30 ctr --address "$NODE_CONTAINERD" version
}

write_containerd_config() {
  local version=2 disabled='"io.containerd.grpc.v1.cri"'
  if [ "$NODE_KIND" != debian ]; then
    version=3
    disabled="$disabled, \"io.containerd.cri.v1.runtime\", \"io.containerd.cri.v1.images\""
  fi
  cat >"$1" <<END
version = $version
root = "$NODE_LIB/containerd"
state = "$NODE_RUN/containerd/state"
disabled_plugins = [$disabled]
[grpc]
  address = "$NODE_CONTAINERD"
[debug]
  level = "info"
END
}

# conf.d beside the configuration is left to whoever tries something: davitd reads drop-ins from there.
write_node_config() {
  local builtin=true
  [ "$NODE_NETWORK" = builtin ] || builtin=false
  mkdir -p "$NODE_RUN/etc/conf.d" "$NODE_RUN/etc/net.d"
  cat >"$NODE_RUN/etc/config.toml" <<END
listen = "unix://$NODE_SOCKET"
root = "$NODE_LIB/davit"
state = "$NODE_RUN/davit"
admin_listen = "unix://$NODE_RUN/admin.sock"
containerd_address = "$NODE_CONTAINERD"
metrics_address = "127.0.0.1:$METRICS_PORT"
registry_config_path = "$NODE_RUN/certs.d"
cni_bin_dir = "$CNI_BIN_DIR"
cni_conf_dir = "$NODE_RUN/etc/net.d"
builtin_network = $builtin
END
  [ "$builtin" = true ] || write_cni_config "$NODE_RUN/etc/net.d/10-$NODE.conflist"
}

# A network of the node's own, so that nodes with other names can be up at the same time.
write_cni_config() { write_bridge_config "$1" "$NODE_BRIDGE" "$NODE_LIB/cni"; }

# write_bridge_config FILE BRIDGE ADDRESSES: a network with a bridge and a subnet that follow from the bridge's name.
write_bridge_config() {
  local bridge=$2 addresses=$3 third
  third=$(($(printf %s "$bridge" | cksum | cut -d " " -f 1) % 200 + 20))
  cat >"$1" <<END
{
  "cniVersion": "1.0.0",
  "name": "$bridge",
  "plugins": [
    {
      "type": "bridge", "bridge": "$bridge", "isGateway": true, "ipMasq": true, "hairpinMode": true,
      "ipam": {
        "type": "host-local", "dataDir": "$addresses",
        "ranges": [[{ "subnet": "10.$third.0.0/16" }]], "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
END
}

node_start_davitd() {
  if daemon_alive "$NODE_RUN/davitd.pid"; then
    say 'davitd runs already; hack/node restart puts what was built now in its place'
    return 0
  fi
  say "starting davitd on $NODE_SOCKET"
  start_daemon "$NODE_RUN/davitd.pid" "$NODE_LOG/davitd.log" \
    "$(command -v node)" --disable-sigusr1 --max-semi-space-size=8 "$ROOT/dist/davitd.js" --config "$NODE_RUN/etc/config.toml"
  wait_ready davitd "$NODE_RUN/davitd.pid" "$NODE_LOG/davitd.log" 60 node_answers
}

# node_answers: davitd serves, and has restored what it knows (lists wait until then).
node_answers() { node_davit info && node_davit pods; }

# node_davit ARGS…: davit's own tool on the node's davitd; crictl cannot be built everywhere.
node_davit() { node "$ROOT/dist/davit.js" --socket "unix://$NODE_SOCKET" "$@"; }

node_ctr() { ctr --address "$NODE_CONTAINERD" --namespace davit "$@"; }

# node_restart SIGNAL PAUSE: ends davitd alone, waits PAUSE seconds, starts it again.
node_restart() {
  local signal=$1 pause=$2
  node_is_up || die "the node $NODE is not up"
  node_need "$NODE_KIND"
  say "ending davitd by SIG$signal"
  stop_daemon "$NODE_RUN/davitd.pid" "$signal" 60
  sleep "$pause"
  node_start_davitd
}

# node_env: export lines for a shell.
node_env() {
  node_is_up || die "the node $NODE is not up: hack/node up"
  node_need "$NODE_KIND"
  if have_go; then use_critest; fi
  mkdir -p "$NODE_LIB/bin"
  printf '#!/bin/sh\nexec %q %q "$@"\n' "$(command -v node)" "$ROOT/dist/davit.js" >"$NODE_LIB/bin/davit"
  chmod 755 "$NODE_LIB/bin/davit"
  cat <<END
export DAVIT_NODE=$NODE
export CONTAINER_RUNTIME_ENDPOINT=unix://$NODE_SOCKET
export IMAGE_SERVICE_ENDPOINT=unix://$NODE_SOCKET
export DAVIT_ADMIN=unix://$NODE_RUN/admin.sock
export DAVIT_METRICS=127.0.0.1:$METRICS_PORT
export DAVIT_REGISTRY=127.0.0.1:$REGISTRY_PORT
export CONTAINERD_ADDRESS=$NODE_CONTAINERD
export CONTAINERD_NAMESPACE=davit
export PATH=$NODE_LIB/bin:$PATH
END
}
