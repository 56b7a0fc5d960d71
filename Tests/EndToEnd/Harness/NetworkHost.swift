import Linux
import TestSupport

/// What the tests of networks have in common: a host of their own with another one beside it, and an image that serves a page.
enum NetworkHost {
    /// Serves /etc/motd, whose text is `hello`, on port 80.
    static let image = Result { () throws -> String in
        try Images.shared.get().changed("web") { copy in
            try makeDirectories(copy + "/.singularity.d")
            let script = "#!/bin/sh\nexec busybox httpd -f -p 80 -h /etc\n"
            try writeFile(copy + "/.singularity.d/startscript", Array(script.utf8), mode: 0o755)
            try Linux.chmod(copy + "/.singularity.d/startscript", 0o755)
            try writeFile(copy + "/etc/motd", Array("hello\n".utf8), mode: 0o644)
            for name in ["ip", "nc", "timeout"] { try makeSymlink("busybox", at: copy + "/bin/" + name) }
        }
    }

    /// Lines of a script in a new network namespace: h0 (192.0.2.1, 2001:db8::1) leads to another host (192.0.2.2, 2001:db8::2), in
    /// which `other` runs a command; `get` fetches from this one, `far` from the other.
    static let setup = """
        exec 2>&1
        ip link set lo up
        unshare --net sleep 100 & far=$!
        until [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
        ip link add h0 type veth peer name o0 netns $far
        ip addr add 192.0.2.1/24 dev h0; ip -6 addr add 2001:db8::1/64 dev h0 nodad; ip link set h0 up
        other() { nsenter -t $far -n "$@"; }
        other ip addr add 192.0.2.2/24 dev o0; other ip -6 addr add 2001:db8::2/64 dev o0 nodad
        other ip link set o0 up; other ip link set lo up
        get() { curl -s -m 2 "$1/motd" || echo none; }
        far() { other curl -s -m 2 "$1/motd" || echo none; }
        """
}
