# Messages, root, locks and waiting.

# say TEXT…: what the script does now. On stderr, so that a script's stdout stays its result.
say() { printf '==> %s\n' "$*" >&2; }

# warn TEXT…: worth knowing, and the script goes on.
warn() { printf 'warning: %s\n' "$*" >&2; }

# die TEXT…: the script cannot go on; the text says what to do about it.
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# usage_error TEXT…: the script was called wrongly.
usage_error() {
  printf '%s: %s (see %s --help)\n' "${0##*/}" "$*" "${0##*/}" >&2
  exit 2
}

# help_of SCRIPT: prints the comment at the head of the script, which is its help page.
help_of() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$1"; }

# as_root SCRIPT ARGS…: goes on when we are root, else starts the script again as root.
as_root() {
  [ "$(id -u)" -ne 0 ] || return 0
  local script
  script=$(realpath "$1")
  shift
  say "${script##*/} needs root: starting it again as root"
  if command -v sudo >/dev/null; then
    exec sudo --preserve-env=DAVIT_CACHE,DAVIT_NODE "PATH=$PATH" bash "$script" "$@"
  fi
  command -v su >/dev/null || die 'neither sudo nor su is here: run this as root'
  exec su root -c "PATH=$(printf %q "$PATH") exec bash $(printf '%q ' "$script" "$@")"
}

# locked NAME COMMAND…: runs the command (a function too) while no other script holds the lock of that name.
locked() {
  local name=$1
  shift
  mkdir -p "$CACHE/lock"
  (
    flock -n 8 || { say "waiting for another script that makes $name" && flock 8; }
    "$@"
  ) 8>"$CACHE/lock/$name"
}

# Locks of the whole machine, for root alone.
LOCKS=/run/lock-davit

# hold_lock NAME: waits until no other script of this machine holds the lock, and holds it until this script ends.
hold_lock() {
  local descriptor
  mkdir -p "$LOCKS"
  exec {descriptor}>"$LOCKS/$1"
  flock -n "$descriptor" || { say "waiting for another script that holds $LOCKS/$1" && flock "$descriptor"; }
}

# wait_until SECONDS COMMAND…: tries the command until it succeeds; fails when the time is over.
wait_until() {
  local deadline=$(($(date +%s) + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# free_port: a TCP port of 127.0.0.1 that nothing listens on now.
free_port() {
  node -e 'const s = require("node:net").createServer(); s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# older VERSION MINIMUM: true when VERSION sorts before MINIMUM.
older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }
