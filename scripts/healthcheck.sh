#!/bin/bash
# Health check of the image: exits with 0 if GET answers with status 200 within 2 seconds, by default /livez of the
# gateway. Bash opens the connection itself, because starting Node would take half a second of CPU each time.
#
# Usage: healthcheck.sh [port] [path]
port=${1:-${ADMIN_PORT:-4001}}
path=${2:-/livez}
host=${ADMIN_HOST:-127.0.0.1}
case $host in 0.0.0.0 | ::) host=127.0.0.1 ;; esac

# shellcheck disable=SC2016
exec timeout 2 bash -c '
  exec 3<>"/dev/tcp/$0/$1" || exit 1
  printf "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" "$2" >&3
  read -r _version status _reason <&3
  [ "$status" = 200 ]
' "$host" "$port" "$path" 2>/dev/null
