# Taking a node down, and finding what belongs to it on the machine.

# node_down: removes the pods, ends everything that belongs to the node, and removes its files.
node_down() {
  if [ -e "$NODE_RUN" ] || [ -e "$NODE_LIB" ] || ! node_has_no_process; then
    say "taking the node $NODE down"
    # Its pods are the kubelet's while it runs: it would make them again.
    if [ -e "$NODE_RUN/kubelet" ]; then kubelet_names && kubelet_down; fi
    if node_is_up; then node_remove_pods; fi
    stop_daemon "$NODE_RUN/davitd.pid" TERM 30
    node_wipe
  fi
  say "the node $NODE is down"
}

node_remove_pods() {
  local pods
  node_need "$NODE_KIND" || return 0
  # A davitd that was killed is started again: nobody else knows as well what there is to remove.
  daemon_alive "$NODE_RUN/containerd/containerd.pid" || return 0
  if daemon_gone "$NODE_RUN/davitd.pid" && ! (node_start_davitd); then return 0; fi
  # shellcheck disable=SC2086
  if ! pods=$(node_davit pods --quiet) || { [ -n "$pods" ] && ! node_davit rmp $pods >&2; }; then
    warn 'not every pod could be removed: ending what is left of them'
  fi
}

# node_wipe: ends and removes what the node left when davitd could not.
node_wipe() {
  local ids pid path
  ids=$(find "$NODE_RUN/davit" "$NODE_LIB/davit" 2>/dev/null | grep -oE '[0-9a-f]{64}' | sort -u || true)
  for pid in $(node_processes containerd-shim-runc-v2); do
    warn "ending the shim $pid and its containers"
    pkill -KILL --parent "$pid" || true
    kill -KILL "$pid" 2>/dev/null || true
  done
  stop_daemon "$NODE_RUN/containerd/containerd.pid"
  stop_daemon "$NODE_RUN/registry/registry.pid"
  for pid in $(node_daemons); do kill -TERM "$pid" 2>/dev/null || true; done
  wait_until 10 node_has_no_process || for pid in $(node_daemons); do kill -KILL "$pid" 2>/dev/null || true; done
  for path in $(mounts_below "$NODE_RUN" "$NODE_LIB"); do umount -l "$path" 2>/dev/null || true; done
  for path in $ids; do remove_cgroups "$path"; done
  remove_rules "$NODE_BRIDGE"
  if [ -e "/sys/class/net/$NODE_BRIDGE" ]; then ip link delete "$NODE_BRIDGE"; fi
  rm -rf --one-file-system "$NODE_RUN" "$NODE_LIB"
  if [ -z "$(other_davits)" ]; then wipe_shared; fi
}

# wipe_shared: removes what every davit of the machine uses and none removes, once the last one is gone.
wipe_shared() {
  local ports=("/sys/class/net/$BUILTIN_BRIDGE/brif/"*)
  remove_cgroups /davit
  remove_cgroups /davit-pump
  remove_cgroups /davit-containerd
  [ ! -d "/sys/class/net/$BUILTIN_BRIDGE" ] || [ -e "${ports[0]}" ] || ip link delete "$BUILTIN_BRIDGE"
  [ -n "$(addresses_in "$BUILTIN_ADDRESSES")" ] || rm -rf "$BUILTIN_ADDRESSES"
}

# other_davits: the davits of this machine but for the node itself: names of nodes, and processes.
other_davits() {
  local other
  for other in $(known_nodes); do [ "$other" = "$NODE" ] || echo "$other"; done
  for other in $(processes_named 'davitd|davit-pump'); do
    process_traces "$other" | grep -qE "($NODE_RUN|$NODE_LIB)/" || echo "process $other"
  done
}

# known_nodes: the nodes that have files.
known_nodes() {
  find /run /var/lib -maxdepth 1 -name 'davit-*' -printf '%f\n' 2>/dev/null | sed 's/^davit-//' | sort -u
}

# addresses_in DIR: the files in which host-local keeps an address that is in use.
addresses_in() { find "$1" -regextype posix-extended -type f -regex '.*/([0-9]+(\.[0-9]+){3}|[0-9a-f]*:[0-9a-f:]+)' 2>/dev/null || true; }

node_has_no_process() { [ -z "$(node_daemons)" ]; }

# node_daemons: davitd, the pump and whatever else of the node still runs, but for shims.
node_daemons() { node_processes 'node|containerd|docker-registry'; }

# node_processes REGEX: pids of such programs' processes that belong to the node.
node_processes() {
  local pid _
  while read -r pid _; do
    ! process_traces "$pid" | grep -qE "(^|=|//)($NODE_RUN|$NODE_LIB)(/|\$)" || echo "$pid"
  done < <(find /proc/[0-9]* -maxdepth 1 -name exe -printf '%h %l\n' 2>/dev/null | sed 's#^/proc/##' | grep -E "/($1)( \(deleted\))?\$" || true)
}

# process_traces PID: what tells whose a process is, a line each: the words of its command line, and where its output goes
# (a process that has given itself a name has no other words).
process_traces() {
  tr '\0' '\n' 2>/dev/null <"/proc/$1/cmdline" || true
  readlink "/proc/$1/fd/1" || true
} 2>/dev/null

# processes_named REGEX [WORD…]: pids of processes that run such a program and whose command line holds the words.
processes_named() {
  local regex=$1 words cmdline pid
  shift
  words="$*"
  # One look at all of them first: most are none.
  for cmdline in $(grep -lasE "(^|/)($regex)" /proc/[0-9]*/cmdline || true); do
    pid=${cmdline//[!0-9]/}
    # The program is the first word, or the second of `node …/davitd.js`.
    process_traces "$pid" | grep -v '^-' | head -n 2 | grep -qE "(^|/)($regex)(\.js)? *\$" || continue
    ! process_traces "$pid" | tr '\n' ' ' | grep -qF -e "$words" || echo "$pid"
  done
}

# mounts_below PATH…: what is mounted at or below the paths, the last mounted first.
mounts_below() {
  local path
  for path in "$@"; do
    awk -v path="$path" '$5 == path || index($5, path "/") == 1 { print $5 }' /proc/self/mountinfo
  done | tac
}

# remove_rules NETWORK: removes the iptables rules that CNI plugins made for pods on that network, and their chains.
remove_rules() {
  local rules chain
  command -v iptables-save >/dev/null || return 0
  rules=$(iptables-save -t nat 2>/dev/null | grep -F "name: \\\"$1\\\"" || true)
  [ -n "$rules" ] || return 0
  # iptables-save quotes as a shell does.
  sed 's/^-A/iptables -w -t nat -D/' <<<"$rules" | bash
  for chain in $(grep -oE 'CNI-[0-9a-zA-Z-]{20,}' <<<"$rules" | sort -u); do
    iptables -w -t nat -F "$chain" && iptables -w -t nat -X "$chain" || true
  done
}

# remove_cgroups NAME: removes the empty cgroups whose path ends in the name, and those below them.
remove_cgroups() { find /sys/fs/cgroup -depth -type d \( -path "*$1" -o -path "*$1/*" \) -exec rmdir {} \; 2>/dev/null || true; }
