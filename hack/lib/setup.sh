# What the scripts need on the machine: Node, npm packages, Debian packages, and tools built from Go modules.

MINIMUM_NODE=24
# From this one on, Go fetches the newer Go that a module asks for.
MINIMUM_GO=1.21

# machine_arch: the machine's architecture in the words of Go and of Debian.
machine_arch() {
  case "$(uname -m)" in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) die "davit runs on x86_64 and aarch64, this machine is $(uname -m)" ;;
  esac
}

# use_node: puts a Node that is new enough first in PATH.
use_node() {
  if command -v node >/dev/null && ! older "$(node -p process.versions.node)" "$MINIMUM_NODE"; then return 0; fi
  local home=$CACHE/node/$NODE_VERSION
  [ -x "$home/bin/node" ] || locked node fetch_node "$home"
  export PATH="$home/bin:$PATH"
}

fetch_node() {
  local home=$1 work arch
  [ ! -x "$home/bin/node" ] || return 0
  command -v npm >/dev/null || die 'npm is missing: install nodejs and npm (any version), davit fetches the Node that it needs'
  case "$(machine_arch)" in amd64) arch=x64 ;; arm64) arch=arm64 ;; esac
  say "fetching Node $NODE_VERSION (this machine's is $(node -v 2>/dev/null || echo missing))"
  mkdir -p "$CACHE/node"
  work=$(mktemp -d "$CACHE/node/new.XXXXXX")
  (cd "$work" && npm pack --silent "node-linux-$arch@$NODE_VERSION" >/dev/null && tar -xzf ./*.tgz)
  "$work/package/bin/node" --version >/dev/null || die "the fetched Node $NODE_VERSION does not run"
  rm -rf "$home"
  mv "$work/package" "$home"
  rm -rf "$work"
}

# use_node_modules: the npm packages of package-lock.json; needs use_node.
use_node_modules() {
  node "$ROOT/hack/lib/node-modules-fresh.ts" "$ROOT" || locked node-modules install_node_modules
}

install_node_modules() {
  ! node "$ROOT/hack/lib/node-modules-fresh.ts" "$ROOT" || return 0
  say 'installing npm packages'
  # Not `npm ci`: it refuses a lock without the optional packages of other platforms, which registries may lack.
  (cd "$ROOT" && npm install --no-save --ignore-scripts --silent)
  give_back node_modules
}

# build_davit: dist/ as package.json's build script makes it.
build_davit() {
  use_node
  use_node_modules
  command -v gcc >/dev/null || apt_need gcc libc6-dev
  say 'building davit'
  (cd "$ROOT" && npm run --silent build)
  give_back dist src
}

# give_back PATH…: what root made in somebody's tree belongs to the tree's owner.
give_back() {
  local owner path
  owner=$(stat -c %u:%g "$ROOT")
  [ "$(id -u)" -eq 0 ] && [ "${owner%%:*}" -ne 0 ] || return 0
  for path in "$@"; do chown -R "$owner" "$ROOT/$path"; done
}

# apt_need PACKAGE…: installs those of the Debian packages that are missing, and starts no service of theirs.
apt_need() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] || locked apt apt_install "${missing[@]}"
}

apt_install() {
  [ "$(id -u)" -eq 0 ] || die "Debian packages are missing ($*) and only root can install them"
  say "installing Debian packages: $*"
  apt_get -s install "$@" >/dev/null 2>&1 || apt_update
  without_services apt_get install "$@" || { apt_update && without_services apt_get install "$@"; }
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o APT::Sandbox::User=root "$@" >/dev/null; }

apt_update() {
  say 'reading the Debian package lists'
  apt-get -qq -o DPkg::Lock::Timeout=300 update
}

# without_services COMMAND…: runs it while Debian's packages may not start services.
without_services() {
  local policy=/usr/sbin/policy-rc.d ours='' result=0
  if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  "$@" || result=$?
  [ -z "$ours" ] || rm -f "$policy"
  return $result
}

# unpack_debs TARGET PACKAGE…: unpacks Debian packages into a folder; nothing is installed.
unpack_debs() {
  local target=$1 work deb
  shift
  work=$(mktemp -d)
  (cd "$work" && apt_get download "$@") || { apt_update && (cd "$work" && apt_get download "$@"); } ||
    die "apt-get cannot download: $*"
  mkdir -p "$target"
  for deb in "$work"/*.deb; do dpkg -x "$deb" "$target"; done
  rm -rf "$work"
}

# have_go: there is a Go that can build, or fetch the Go that can; puts it in PATH.
have_go() {
  local version
  command -v go >/dev/null || [ ! -x /usr/local/go/bin/go ] || export PATH=$PATH:/usr/local/go/bin
  version=$(go env GOVERSION 2>/dev/null) && ! older "${version#go}" "$MINIMUM_GO"
}

# use_go: there must be a Go.
use_go() { have_go || die "Go $MINIMUM_GO or newer is missing: what davit is tested with is built from Go modules"; }

# go_build NAME VERSION COMMAND…: runs the command with $1 = an empty folder that becomes $CACHE/NAME/VERSION when it succeeds.
go_build() {
  local name=$1 version=${2#v}
  [ -d "$CACHE/$name/$version" ] || locked "$name" go_build_locked "$@"
}

go_build_locked() {
  local name=$1 version=${2#v} work
  shift 2
  [ ! -d "$CACHE/$name/$version" ] || return 0
  use_go
  say "building $name $version"
  mkdir -p "$CACHE/$name"
  work=$(mktemp -d "$CACHE/$name/new.XXXXXX")
  chmod 755 "$work"
  "$@" "$work" || { rm -rf "$work" && die "$name $version does not build"; }
  mv "$work" "$CACHE/$name/$version"
}

# use_crictl: crictl in PATH.
use_crictl() {
  go_build crictl "$CRI_TOOLS_VERSION" make_crictl
  export PATH="$CACHE/crictl/${CRI_TOOLS_VERSION#v}:$PATH"
}

# use_critest: critest, and the ginkgo that it calls, in PATH.
use_critest() {
  go_build critest "$CRI_TOOLS_VERSION" make_critest
  export PATH="$CACHE/critest/${CRI_TOOLS_VERSION#v}:$PATH"
}

make_crictl() {
  go_tool build -ldflags "-s -w $(cri_tools_flag)" -o "$1/crictl" sigs.k8s.io/cri-tools/cmd/crictl
}

make_critest() {
  go_tool build -o "$1/ginkgo" github.com/onsi/ginkgo/v2/ginkgo &&
    go_tool test -c -ldflags "$(cri_tools_flag)" -o "$1/critest" sigs.k8s.io/cri-tools/cmd/critest
}

cri_tools_flag() { echo "-X sigs.k8s.io/cri-tools/pkg/version.Version=$CRI_TOOLS_VERSION"; }

# go_tool VERB FLAGS…: go in the module that names the tools, with the versions of our pins.
go_tool() {
  local verb=$1 pin
  shift
  for pin in "sigs.k8s.io/cri-tools $CRI_TOOLS_VERSION" "github.com/onsi/ginkgo/v2 $GINKGO_VERSION"; do
    grep -qF "$pin" "$ROOT/hack/tools/go.mod" || die "hack/tools/go.mod does not name $pin, as hack/versions does"
  done
  CGO_ENABLED=0 GOFLAGS=-buildvcs=false go -C "$ROOT/hack/tools" "$verb" -trimpath "$@"
}

# use_containerd_current, use_containerd_lts: containerd, its shim, ctr and runc of the pins first in PATH, the CNI plugins of
# the pin in CNI_BIN_DIR.
use_containerd_current() { use_containerd_built "$CONTAINERD_VERSION"; }

use_containerd_lts() { use_containerd_built "$CONTAINERD_LTS_VERSION"; }

use_containerd_built() {
  go_build containerd "$1" make_containerd "$1"
  go_build cni-plugins "$CNI_PLUGINS_VERSION" make_cni_plugins
  if [ ! -d "$CACHE/runc/${RUNC_VERSION#v}" ]; then
    apt_need gcc libc6-dev libseccomp-dev pkg-config
    go_build runc "$RUNC_VERSION" make_runc
  fi
  apt_need iptables libseccomp2
  export PATH="$CACHE/containerd/${1#v}:$CACHE/runc/${RUNC_VERSION#v}:$PATH"
  CNI_BIN_DIR=$CACHE/cni-plugins/${CNI_PLUGINS_VERSION#v}
}

make_containerd() {
  GOBIN=$2 CGO_ENABLED=0 GOFLAGS=-buildvcs=false go install -tags no_btrfs \
    "github.com/containerd/containerd/v2/cmd/"{containerd,containerd-shim-runc-v2,ctr}"@$1"
}

make_runc() {
  GOBIN=$1 CGO_ENABLED=1 GOFLAGS=-buildvcs=false go install -tags seccomp \
    -ldflags "-X main.version=${RUNC_VERSION#v}" "github.com/opencontainers/runc@$RUNC_VERSION"
}

make_cni_plugins() {
  GOBIN=$1 CGO_ENABLED=0 GOFLAGS=-buildvcs=false go install "github.com/containernetworking/plugins/plugins/...@$CNI_PLUGINS_VERSION"
}

# use_containerd_debian: the containerd, runc and CNI plugins of Debian.
use_containerd_debian() {
  apt_need containerd runc containernetworking-plugins iptables
  CNI_BIN_DIR=/opt/cni/bin:/usr/lib/cni
}

# use_prometheus: prometheus and promtool of Debian in PATH. Unpacked rather than installed: the package would bring a service.
use_prometheus() {
  local home=$CACHE/prometheus
  if command -v prometheus >/dev/null && command -v promtool >/dev/null; then return 0; fi
  [ -x "$home/usr/bin/promtool" ] || locked prometheus fetch_prometheus "$home"
  export PATH="$home/usr/bin:$PATH"
}

fetch_prometheus() {
  [ ! -x "$1/usr/bin/promtool" ] || return 0
  say "fetching Debian's prometheus"
  rm -rf "$1"
  unpack_debs "$1" prometheus
}

# use_registry: DOCKER_REGISTRY is a registry program. Unpacked rather than installed: the package would bring a service on port 5000.
use_registry() {
  local home=$CACHE/docker-registry
  if command -v docker-registry >/dev/null; then
    DOCKER_REGISTRY=$(command -v docker-registry)
    return 0
  fi
  [ -x "$home/usr/bin/docker-registry" ] || locked docker-registry fetch_registry "$home"
  DOCKER_REGISTRY=$home/usr/bin/docker-registry
}

fetch_registry() {
  [ ! -x "$1/usr/bin/docker-registry" ] || return 0
  say "fetching Debian's docker-registry"
  rm -rf "$1"
  unpack_debs "$1" docker-registry
}
