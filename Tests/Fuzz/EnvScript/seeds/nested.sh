{ A=${B:-${C:-"${D:+\"x\"}"}}; } && ! false || exit 3
eval "E=\$A"; for F in /*; do G=$F; done; echo ${#G}~
