for A in a b "$@"; do case "$A" in [a-m]*|'x') B=${A%%/*}${B#*:} ;; *) : ;; esac; done
. /self.sh || echo no
