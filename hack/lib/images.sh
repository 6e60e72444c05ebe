# The test images: built once per recipe into a registry's storage in the cache, and served from there.

# The packages that hack/images takes programs and libraries from; of two that bring the same file, each has a folder.
IMAGE_OWN_FOLDER=(busybox busybox-static)
IMAGE_PACKAGES=(
  procps util-linux coreutils nginx
  libc6 libproc2-0 libsystemd0 libcap2 libgcrypt20 libgpg-error0 liblz4-1 liblzma5 libzstd1
  libsmartcols1 libselinux1 libpcre2-8-0 libcrypt1 libssl3 zlib1g libgmp10 libacl1 libattr1
)
# Images of recipes that were built longer ago are removed when new ones are made.
IMAGES_KEPT_DAYS=14
# The hosts whose images come from our registry.
IMAGE_HOSTS=(registry.k8s.io k8s.gcr.io gcr.io docker.io quay.io ghcr.io)

# build_images: IMAGES_STORAGE is a registry's storage that holds every test image of these recipes.
build_images() {
  local key
  use_node
  use_registry
  # shellcheck source=/dev/null
  key=$(. /etc/os-release && echo "${VERSION_CODENAME:-debian}")-$(machine_arch)
  IMAGES_PACKAGES=$CACHE/test-images/packages-$key
  key=$key-$(cat "$ROOT"/hack/images/*.ts "$ROOT/hack/lib/images.sh" | sha256sum | cut -c 1-16)
  IMAGES_STORAGE=$CACHE/test-images/$key
  [ -d "$IMAGES_STORAGE" ] || locked test-images make_images "$IMAGES_STORAGE"
}

make_images() {
  local storage=$1 work port package
  [ ! -d "$storage" ] || return 0
  mkdir -p "$CACHE/test-images"
  if [ ! -d "$IMAGES_PACKAGES" ]; then
    say "fetching Debian's packages for the test images"
    rm -rf "$IMAGES_PACKAGES.new"
    unpack_debs "$IMAGES_PACKAGES.new" "${IMAGE_PACKAGES[@]}"
    for package in "${IMAGE_OWN_FOLDER[@]}"; do unpack_debs "$IMAGES_PACKAGES.new/$package" "$package"; done
    mv "$IMAGES_PACKAGES.new" "$IMAGES_PACKAGES"
  fi
  say 'building the test images'
  work=$(mktemp -d "$CACHE/test-images/new.XXXXXX")
  port=$(free_port)
  start_registry "$work" "$work/storage" "$port"
  node "$ROOT/hack/images/main.ts" "$IMAGES_PACKAGES" "http://127.0.0.1:$port" >&2 || {
    stop_daemon "$work/registry.pid"
    rm -rf "$work"
    die 'the test images cannot be built'
  }
  stop_daemon "$work/registry.pid"
  mv "$work/storage" "$storage"
  find "$CACHE/test-images" -mindepth 1 -maxdepth 1 -mtime +$IMAGES_KEPT_DAYS -exec rm -rf {} +
  rm -rf "$work"
}

# start_registry DIR STORAGE PORT: a registry on 127.0.0.1; DIR gets registry.yml, registry.log and registry.pid.
start_registry() {
  local dir=$1 storage=$2 port=$3
  mkdir -p "$dir" "$storage"
  cat >"$dir/registry.yml" <<END
version: 0.1
log:
  level: warn
storage:
  delete: { enabled: true }
  filesystem: { rootdirectory: $storage }
http:
  addr: 127.0.0.1:$port
END
  start_daemon "$dir/registry.pid" "$dir/registry.log" "$DOCKER_REGISTRY" serve "$dir/registry.yml"
  wait_ready 'the registry' "$dir/registry.pid" "$dir/registry.log" 20 registry_answers "$port"
}

registry_answers() { node -e 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "http://127.0.0.1:$1/v2/"; }

# write_certs DIR PORT: a certs.d tree that sends every known host to our registry, and nowhere else.
write_certs() {
  local dir=$1 port=$2 host
  for host in "${IMAGE_HOSTS[@]}"; do
    mkdir -p "$dir/$host"
    cat >"$dir/$host/hosts.toml" <<END
server = "http://127.0.0.1:$port"

[host."http://127.0.0.1:$port"]
  capabilities = ["pull", "resolve"]
END
  done
}
