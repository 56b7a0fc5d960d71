if [ -z "${A:-}" ] && test -d "/x"; then
  A="${B:-"c d"}"
elif [ ! -f /y ]; then A=2; else unset A; fi
export A
