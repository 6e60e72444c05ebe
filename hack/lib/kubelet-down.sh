# Taking a kubelet down, and undoing what it does to a machine.

# What a kubelet makes wherever its own folder is, and what it sets.
KUBELET_FOLDERS=(/var/lib/kubelet /usr/libexec/kubernetes /var/log/containers /var/log/pods)
KUBELET_CHAINS=(KUBE-IPTABLES-HINT KUBE-KUBELET-CANARY KUBE-FIREWALL)
KUBELET_SYSCTLS=(vm.overcommit_memory kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes)

# kubelet_remember: what of that which a kubelet changes was there before.
kubelet_remember() {
  local path
  sysctl "${KUBELET_SYSCTLS[@]}" 2>/dev/null >"$KUBELET_RUN/sysctls" || true
  for path in "${KUBELET_FOLDERS[@]}"; do [ ! -e "$path" ] || echo "$path"; done >"$KUBELET_RUN/folders"
  find /sys/fs/cgroup -maxdepth 3 -type d \( -name kubepods -o -name kubepods.slice \) >"$KUBELET_RUN/cgroups"
  for_each_table remember_chains >"$KUBELET_RUN/chains"
}

# kube_chains TOOL TABLE: the chains of that table that a kubelet makes, as far as they are there.
kube_chains() { "$1" -w -t "$2" -S 2>/dev/null | sed -n 's/^-N //p' | grep -xF "$(printf '%s\n' "${KUBELET_CHAINS[@]}")" || true; }

# for_each_table COMMAND…: runs it with each tool and table of packet filters.
for_each_table() {
  local tool table
  for tool in iptables ip6tables; do
    for table in mangle nat filter; do "$@" "$tool" "$table"; done
  done
}

remember_chains() { kube_chains "$@" | sed "s/^/$1 $2 /"; }

remove_chains() {
  local tool=$1 table=$2 chain rule
  for chain in $(kube_chains "$tool" "$table"); do
    ! grep -qxF "$tool $table $chain" "$KUBELET_RUN/chains" || continue
    # shellcheck disable=SC2086
    "$tool" -w -t "$table" -S | sed -nE "s/^-A (.* -j $chain)\$/\1/p" | while IFS= read -r rule; do "$tool" -w -t "$table" -D $rule; done
    "$tool" -w -t "$table" -F "$chain" && "$tool" -w -t "$table" -X "$chain" || true
  done
}

# kubelet_down: removes its pods, ends it, and undoes what it changed.
kubelet_down() {
  local ids
  [ -e "$KUBELET_RUN" ] || { say "the kubelet of the node $NODE is down" && return 0; }
  say 'taking the kubelet down'
  rm -rf "$KUBELET_MANIFESTS"
  mkdir -p "$KUBELET_MANIFESTS"
  if kubelet_is_up && daemon_alive "$KUBELET_RUN/kubelet.pid"; then
    wait_until 60 kubelet_has_no_pod || warn 'the kubelet has not removed its pods: they are ended without it'
  fi
  stop_daemon "$KUBELET_RUN/kubelet.pid" TERM 30
  if daemon_alive "$NODE_RUN/davitd.pid" && node_is_up; then
    use_node
    ids=$(kubelet_sandboxes)
    # shellcheck disable=SC2086
    [ -z "$ids" ] || node_davit rmp $ids >&2
  fi
  kubelet_undo
  say 'the kubelet is down'
}

# kubelet_sandboxes: ids of the sandboxes that a kubelet has made: they have its labels.
kubelet_sandboxes() {
  node_davit pods -o json | node -e '
    const { items } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    for (const { id, labels } of items) if (labels["io.kubernetes.pod.uid"] !== undefined) console.log(id);
  '
}

kubelet_has_no_pod() {
  [ "$(curl -skf "https://127.0.0.1:$KUBELET_PORT/pods" | grep -c '"name":')" -eq 0 ] || return 1
  use_node
  [ -z "$(kubelet_ready_sandboxes)" ]
}

kubelet_ready_sandboxes() {
  node_davit pods -o json | node -e '
    const { items } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    for (const { id, labels, state } of items)
      if (labels["io.kubernetes.pod.uid"] !== undefined && state === "SANDBOX_READY") console.log(id);
  '
}

kubelet_undo() {
  local path line
  for path in $(mounts_below "$KUBELET_ROOT"); do umount -l "$path" 2>/dev/null || true; done
  rm -rf --one-file-system "$KUBELET_ROOT"
  for path in "${KUBELET_FOLDERS[@]}"; do
    grep -qxF "$path" "$KUBELET_RUN/folders" || rm -rf --one-file-system "$path"
  done
  while IFS= read -r line; do sysctl -qw "${line// = /=}" || true; done <"$KUBELET_RUN/sysctls"
  for_each_table remove_chains
  find /sys/fs/cgroup -maxdepth 3 -type d \( -name kubepods -o -name kubepods.slice \) | grep -vxFf "$KUBELET_RUN/cgroups" |
    while IFS= read -r path; do find "$path" -depth -type d -exec rmdir {} \; 2>/dev/null || true; done
  rm -rf --one-file-system "$KUBELET_RUN"
}
