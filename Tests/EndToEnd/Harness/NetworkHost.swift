import Foundation
import Linux
import TestSupport

enum NetworkHost {
    /// Serves /etc/motd, whose text is `hello`, on port 80.
    static let image = Result { () throws -> String in
        try Images.shared.get().changed("web") { copy in
            try makeDirectories(copy + "/.singularity.d")
            let script = "#!/bin/sh\nexec busybox httpd -f -p 80 -h /etc\n"
            try writeFile(copy + "/.singularity.d/startscript", Array(script.utf8), mode: 0o755)
            try Linux.chmod(copy + "/.singularity.d/startscript", 0o755)
            try writeFile(copy + "/etc/motd", Array("hello\n".utf8), mode: 0o644)
            for name in ["ip"] { try makeSymlink("busybox", at: copy + "/bin/" + name) }
        }
    }

    /// Lines of a script in a new network namespace: h0 (192.0.2.1, 2001:db8::1) leads to another host (192.0.2.2, 2001:db8::2), in
    /// which `other` runs a command. Programs may be slow: what has to come is waited for as long as half a minute, and WAIT says in
    /// how many seconds nothing has come, where packets are dropped.
    ///
    /// `get HOST[:PORT]` fetches from this host, `far` from the other, and `sh -c "$fetching" HOST PORT [SECONDS]` from a container;
    /// all answer `hello` or `none`. `serve PORT` has the other host serve. `web` starts an instance, `pid NAME` is its process.
    /// `within` waits for a command's success, `up HOST[:PORT]` for a server, `listens PID PORT` for a socket of a network namespace;
    /// `hostile` does what `Tests/Inside/hostile-network.py` does.
    static let setup = """
        exec 2>&1
        ip link set lo up
        unshare --net sleep 1000 & far=$!
        until [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
        ip link add h0 type veth peer name o0 netns $far
        ip addr add 192.0.2.1/24 dev h0; ip -6 addr add 2001:db8::1/64 dev h0 nodad; ip link set h0 up
        other() { nsenter -t $far -n "$@"; }
        other ip addr add 192.0.2.2/24 dev o0; other ip -6 addr add 2001:db8::2/64 dev o0 nodad
        other ip link set o0 up; other ip link set lo up
        get() { curl -s -m ${WAIT:-30} "$1/motd" || echo none; }
        far() { other curl -s -m ${WAIT:-30} "$1/motd" || echo none; }
        fetching='busybox timeout ${2:-30} busybox wget -q -O - http://$0:$1/motd 2>/dev/null | grep -e hello || echo none'
        within() { for turn in $(seq 600); do ! "$@" >/dev/null 2>&1 || return 0; sleep 0.05; done; return 1; }
        serves() { [ "$(WAIT=5 get $1)" = hello ]; }
        up() { within serves $1; }
        has_socket() { cat /proc/$1/net/tcp /proc/$1/net/tcp6 /proc/$1/net/udp /proc/$1/net/udp6 2>/dev/null | grep -q ":$(printf %04X $2) [0-9A-F]*:0000 0[7A]"; }
        listens() { within has_socket $1 $2; }
        serve() {
            mkdir -p $WORK/served; echo hello >$WORK/served/motd
            nsenter -t $far -n busybox httpd -f -p $1 -h $WORK/served & servers="$servers $!"
            listens $far $1
        }
        web() { $S instance start --net "$@" 2>&1 | grep -v INFO:; }
        pid() { $S instance list $1 | tail -n 1 | while read name pid rest; do echo $pid; done; }
        hostile() { python3 $TESTS/Inside/hostile-network.py "$@"; }
        """

    static let ending = "\n$S instance stop --all >/dev/null 2>&1; kill $far $servers"
}
