# Daemons that a script leaves running. A pid file holds the pid and the process's start time, so that a number used
# again by another process is never taken for ours.

# start_daemon PIDFILE LOGFILE COMMAND…: starts the command in a session of its own, with no descriptor of ours above 2.
start_daemon() {
  local pidfile=$1 log=$2
  shift 2
  mkdir -p "$(dirname "$pidfile")" "$(dirname "$log")"
  ! daemon_alive "$pidfile" || die "${pidfile##*/} runs already, pid $(daemon_pid "$pidfile")"
  rm -f "$pidfile"
  # shellcheck disable=SC2016
  setsid bash -c '
    pidfile=$1; shift
    for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done
    stat=$(</proc/$$/stat); set -- "$@"; fields=(${stat##*) })
    echo "$$ ${fields[19]}" >"$pidfile.new" && mv "$pidfile.new" "$pidfile" && exec "$@"
  ' daemon "$pidfile" "$@" </dev/null >>"$log" 2>&1 &
  wait_until 5 test -s "$pidfile" || die "cannot start: $*"
}

# daemon_pid PIDFILE: the pid of the daemon that still runs; fails when it does not.
daemon_pid() {
  local pid start stat fields
  [ -s "$1" ] && read -r pid start <"$1" || return 1
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
  # shellcheck disable=SC2206
  fields=(${stat##*) })
  [ "${fields[19]}" = "$start" ] && [ "${fields[0]}" != Z ] || return 1
  echo "$pid"
}

daemon_alive() { daemon_pid "$1" >/dev/null; }

daemon_gone() { ! daemon_alive "$1"; }

# wait_ready NAME PIDFILE LOGFILE SECONDS COMMAND…: waits until the command succeeds; shows the log's end when it does not.
wait_ready() {
  local name=$1 pidfile=$2 log=$3 seconds=$4 deadline
  shift 4
  deadline=$(($(date +%s) + seconds))
  until "$@" >/dev/null 2>&1; do
    if ! daemon_alive "$pidfile"; then
      tail -n 30 "$log" >&2
      die "$name ended while it started; its log is $log"
    fi
    if [ "$(date +%s)" -ge "$deadline" ]; then
      tail -n 30 "$log" >&2
      die "$name is not ready after $seconds s; its log is $log"
    fi
    sleep 0.1
  done
}

# stop_daemon PIDFILE [SIGNAL [SECONDS]]: ends the daemon, by SIGKILL when the signal (TERM) did not do it in time (10 s).
stop_daemon() {
  local pidfile=$1 signal=${2:-TERM} seconds=${3:-10} pid
  if pid=$(daemon_pid "$pidfile"); then
    kill -s "$signal" "$pid" 2>/dev/null || true
    if ! wait_until "$seconds" daemon_gone "$pidfile"; then
      warn "pid $pid (${pidfile##*/}) does not end on SIG$signal: killing it"
      kill -s KILL "$pid" 2>/dev/null || true
      wait_until 10 daemon_gone "$pidfile" || die "pid $pid does not end"
    fi
  fi
  rm -f "$pidfile"
}
