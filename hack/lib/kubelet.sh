# A standalone kubelet on a node of hack/node. Its files lie with the node's, in /run/davit-NAME/kubelet and
# /var/lib/davit-NAME/kubelet.

# Warnings and errors of a standalone kubelet that say nothing about its CRI server, as extended regular expressions:
KUBELET_HARMLESS=(
  # It has no API server.
  'kubernetes\.io/csi: kubeclient not set, assuming standalone kubelet'
  'Skipping CSINode initialization, kubelet running in standalone mode'
  # Its first start in an empty folder, and the first second of any.
  'Flexvolume plugin directory at .* does not exist\. Recreating'
  '"Failed to read data from checkpoint" err="checkpoint is not found"'
  '"Skipping pod synchronization" err="(\[?(, )?(container runtime status check may not have completed yet|PLEG is not healthy: pleg has yet to be successful))+\]?"'
  'failed to check if we have separate container filesystem. Ignoring." err="no imagefs label for configured runtime"'
  # A machine without systemd whose processes may raise no limit.
  '"Failed to set rlimit on max file handles" err="operation not permitted"'
  '"Failed to ensure process in container with oom score" err="failed to find pid namespace of init process"'
  # It cancels a probe that is under way when its pod is to end.
  '"ExecSync cmd from runtime service failed" err="rpc error: code = Canceled desc = context canceled"'
  # It looks once more at containers that it has just removed.
  '"ContainerStatus from runtime service failed" err="rpc error: code = NotFound desc = container '
  # cAdvisor meets the cgroup of a container whose task is still being made, or is gone again.
  'Failed to process watch event .*(task [0-9a-f]+ not found|container "?[0-9a-f]+"?( in namespace "davit")?: not found|no such file or directory)'
)

# kubelet_names: sets the paths of the node's kubelet; needs node_names.
kubelet_names() {
  KUBELET_RUN=$NODE_RUN/kubelet
  KUBELET_ROOT=$NODE_LIB/kubelet
  KUBELET_MANIFESTS=$KUBELET_RUN/manifests
  KUBELET_LOG=$NODE_LOG/kubelet.log
  KUBELET_POD=davit-try
}

# kubelet_is_up: true when its settings are there; sets KUBELET_PORT, KUBELET_HEALTH_PORT, KUBELET_HOST_PORT, KUBELET_STATS,
# KUBELET_EVENTS.
kubelet_is_up() {
  [ -s "$KUBELET_RUN/settings" ] || return 1
  # shellcheck source=/dev/null
  . "$KUBELET_RUN/settings"
}

# running_kubelets: pids of every kubelet of the machine.
running_kubelets() {
  find /proc/[0-9]* -maxdepth 1 -name exe -printf '%h %l\n' 2>/dev/null | sed -nE 's#^/proc/([0-9]+) .*/kubelet( \(deleted\))?$#\1#p'
}

# use_kubelet: kubelet in PATH.
use_kubelet() {
  go_build kubelet "$KUBERNETES_VERSION" make_kubelet
  export PATH="$CACHE/kubelet/${KUBERNETES_VERSION#v}:$PATH"
}

# Kubernetes replaces its own staging modules by folders of its repository; a module of ours names their published twins.
make_kubelet() {
  local home=$1/module minor=${KUBERNETES_VERSION#v1.} flags=''
  mkdir "$home"
  flags="-X k8s.io/component-base/version.gitVersion=$KUBERNETES_VERSION"
  flags+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
  (
    cd "$home"
    export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
    # go reads a go.mod that is there, an empty one too.
    kubelet_module >module.txt && mv module.txt go.mod
    printf '//go:build tools\n\npackage tools\n\nimport _ "k8s.io/kubernetes/cmd/kubelet"\n' >tools.go
    go mod tidy && go build -trimpath -ldflags "-s -w $flags" -o ../kubelet k8s.io/kubernetes/cmd/kubelet
  ) && rm -rf "$home"
}

kubelet_module() {
  local file
  file=$(go mod download -json "k8s.io/kubernetes@$KUBERNETES_VERSION" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
  [ -s "$file" ] || die "the Go module proxy has no k8s.io/kubernetes $KUBERNETES_VERSION"
  printf 'module davit/kubelet\n\n'
  grep -E '^go ' "$file"
  printf 'require k8s.io/kubernetes %s\n' "$KUBERNETES_VERSION"
  sed -nE "s#^\s*(k8s\.io/[^ ]+) => \./staging/.*#replace \1 => \1 v0.${KUBERNETES_VERSION#v1.}#p" "$file"
}

# kubelet_up STATS POD EVENTS: brings up whatever of it is not up yet.
kubelet_up() {
  local stats=$1 pod=$2 events=$3
  node_is_up && daemon_alive "$NODE_RUN/davitd.pid" || die "the node $NODE is not up: hack/node up"
  if kubelet_is_up; then
    [ "$stats $events" = "$KUBELET_STATS $KUBELET_EVENTS" ] ||
      die "the kubelet is up with --stats $KUBELET_STATS and events $KUBELET_EVENTS: hack/kubelet down first"
  else
    [ -z "$(running_kubelets)" ] || die "a kubelet runs already, pid $(running_kubelets | tr '\n' ' '): a machine has one"
  fi
  apt_need curl iptables
  use_node
  use_kubelet
  mkdir -p "$KUBELET_RUN" "$KUBELET_ROOT" "$KUBELET_MANIFESTS"
  kubelet_is_up || {
    kubelet_remember
    printf '%s\n' "KUBELET_STATS=$stats" "KUBELET_EVENTS=$events" "KUBELET_PORT=$(free_port)" "KUBELET_HEALTH_PORT=$(free_port)" \
      "KUBELET_HOST_PORT=$(free_port)" >"$KUBELET_RUN/settings"
    : >"$KUBELET_LOG"
    kubelet_is_up
  }
  kubelet_start
  [ "$pod" = yes ] || return 0
  # It reads a file as soon as it is there: never half of one.
  kubelet_manifest >"$KUBELET_RUN/pod.yaml"
  mv "$KUBELET_RUN/pod.yaml" "$KUBELET_MANIFESTS/$KUBELET_POD.yaml"
  say "waiting for the pod $KUBELET_POD"
  wait_until 120 kubelet_pod_is_ready || {
    kubelet_complaints | tail -n 20 >&2 || true
    die "the pod $KUBELET_POD is not Ready after 120 s; the kubelet's log is $KUBELET_LOG"
  }
}

kubelet_start() {
  local flags=()
  ! daemon_alive "$KUBELET_RUN/kubelet.pid" || return 0
  say "starting $(kubelet --version) with statistics from $KUBELET_STATS"
  kubelet_config >"$KUBELET_RUN/config.yaml"
  # cAdvisor asks containerd itself, whoever the CRI server is.
  [ "$KUBELET_STATS" = cri ] || flags=(--containerd "$NODE_CONTAINERD" --containerd-namespace davit)
  start_daemon "$KUBELET_RUN/kubelet.pid" "$KUBELET_LOG" kubelet --config "$KUBELET_RUN/config.yaml" \
    --root-dir "$KUBELET_ROOT" --hostname-override "$NODE" ${flags[@]+"${flags[@]}"}
  wait_ready kubelet "$KUBELET_RUN/kubelet.pid" "$KUBELET_LOG" 60 \
    curl -sf "http://127.0.0.1:$KUBELET_HEALTH_PORT/healthz"
}

kubelet_config() {
  local gate=true
  [ "$KUBELET_STATS" = cri ] || gate=false
  cat <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
containerRuntimeEndpoint: unix://$NODE_SOCKET
staticPodPath: $KUBELET_MANIFESTS
podLogsDir: $KUBELET_RUN/pod-logs
address: 127.0.0.1
port: $KUBELET_PORT
readOnlyPort: 0
healthzBindAddress: 127.0.0.1
healthzPort: $KUBELET_HEALTH_PORT
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
featureGates: { PodAndContainerStatsFromCRI: $gate, EventedPLEG: $KUBELET_EVENTS }
oomScoreAdj: 0
failSwapOn: false
fileCheckFrequency: 1s
imageGCHighThresholdPercent: 100
evictionHard: { memory.available: 100Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1% }
END
}

# A pod with most of what pods have: init container, sidecar, probes, hooks, limits, tmpfs, host port.
kubelet_manifest() {
  local image=registry.k8s.io/e2e-test-images/busybox:1.29-2
  cat <<END
apiVersion: v1
kind: Pod
metadata:
  name: $KUBELET_POD
  namespace: default
  labels: { app: $KUBELET_POD }
spec:
  terminationGracePeriodSeconds: 5
  volumes:
    - { name: work, emptyDir: { medium: Memory, sizeLimit: 16Mi } }
  initContainers:
    - name: init
      image: $image
      command: [sh, -c, 'echo made by init >/work/index.html']
      volumeMounts: [{ name: work, mountPath: /work }]
    - name: sidecar
      image: $image
      restartPolicy: Always
      command: [sh, -c, 'trap exit TERM; while :; do date; sleep 1 & wait; done']
      startupProbe: { exec: { command: [test, -e, /work/index.html] }, periodSeconds: 1 }
      volumeMounts: [{ name: work, mountPath: /work }]
  containers:
    - name: main
      image: $image
      command: [sh, -c, 'trap exit TERM; httpd -p 8080 -h /work; while :; do sleep 1 & wait; done']
      ports: [{ containerPort: 8080, hostPort: $KUBELET_HOST_PORT, hostIP: 127.0.0.1 }]
      resources: { requests: { cpu: 50m, memory: 32Mi }, limits: { cpu: 500m, memory: 64Mi } }
      startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
      livenessProbe: { exec: { command: ['true'] }, periodSeconds: 2 }
      readinessProbe: { httpGet: { port: 8080, path: /index.html }, periodSeconds: 1 }
      lifecycle:
        postStart: { exec: { command: [sh, -c, 'echo hook >/work/hook'] } }
        preStop: { exec: { command: [sh, -c, 'sleep 1'] } }
      securityContext: { seccompProfile: { type: RuntimeDefault }, allowPrivilegeEscalation: false }
      volumeMounts: [{ name: work, mountPath: /work }]
END
}

# kubelet_pod_is_ready: the kubelet says that the pod is.
kubelet_pod_is_ready() {
  curl -skf "https://127.0.0.1:$KUBELET_PORT/pods" |
    node -e '
      const { items } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
      const pod = items.find(({ metadata }) => metadata.name.startsWith(process.argv[1]));
      const ready = pod?.status.conditions?.find(({ type }) => type === "Ready");
      process.exit(ready?.status === "True" ? 0 : 1);
    ' "$KUBELET_POD"
}

kubelet_env() {
  kubelet_is_up || die "the kubelet of the node $NODE is not up: hack/kubelet up"
  cat <<END
export KUBELET_URL=https://127.0.0.1:$KUBELET_PORT
export KUBELET_MANIFESTS=$KUBELET_MANIFESTS
export KUBELET_LOG=$KUBELET_LOG
export KUBELET_HOST_PORT=$KUBELET_HOST_PORT
END
}

# kubelet_complaints: warnings and errors of its log that KUBELET_HARMLESS does not know; fails when there are any.
kubelet_complaints() {
  local harmless
  harmless=$(printf '|%s' "${KUBELET_HARMLESS[@]}")
  ! grep -aE '^[WEF][0-9]{4} ' "$KUBELET_LOG" | grep -aEv "${harmless#|}"
}
