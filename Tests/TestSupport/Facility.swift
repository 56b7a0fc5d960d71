import CLinux
import Linux
import Synchronization

/// Something that a host may lack. `Scripts/check-skips` asks the host the same question by the raw value.
package enum Facility: String, Hashable, Sendable {
    case root, user, userNamespaces = "user-namespaces", fuse, loop, overlay, peer, registry, ranges, python
    /// Cgroups of version 1 that root can make; those of version 2 are proved by Scripts/check-vm.
    case cgroups
    /// Bridges, pairs and nftables in network namespaces; programs of CNI.
    case bridge, cni
    /// A token of PKCS#11 in software, and the way of OpenSSL to it.
    case softhsm
    /// Programs in /usr/bin or /usr/sbin.
    case buildah, cryptsetup, debootstrap, fish, gocryptfs, gpg, htpasswd, ip, iptables, man, mke2fs, mksquashfs,
        openssl, pasta,
        podman, runc, setpriv, skopeo,
        strace,
        umoci,
        unsquashfs, zsh
    /// Compilers, which may lie anywhere in PATH.
    case rustc, swift

    private static let answers = Mutex<[Facility: String?]>([:])

    /// Why the host lacks it; nil when it does not. Determined once.
    package var missing: String? {
        if let known = Self.answers.withLock({ $0[self] }) { return known }
        let answer = look()
        Self.answers.withLock { $0[self] = .some(answer) }
        return answer
    }

    private func look() -> String? {
        switch self {
        case .root: effectiveUID() == 0 ? nil : "the suite runs as an ordinary user"
        case .user: OrdinaryUser.record == nil ? "there is no user \(OrdinaryUser.name)" : nil
        case .userNamespaces:
            succeeds(["/usr/bin/unshare", "--user", "--map-current-user", "true"]) ? nil : "no user namespaces"
        case .fuse:
            succeeds(["/usr/bin/dd", "if=/dev/fuse", "of=/dev/null", "count=0", "status=none"])
                ? nil : "/dev/fuse cannot be opened"
        case .loop: isAccessible("/dev/loop-control", R_OK | W_OK) ? nil : "no /dev/loop-control"
        case .overlay: hasFilesystem("overlay") ? nil : "the kernel has no overlay"
        case .peer: environmentValue("SKIFF_APPTAINER") == nil ? "SKIFF_APPTAINER names no Apptainer" : nil
        case .ranges: ranges
        case .cgroups: cgroups
        case .registry: program("docker-registry")
        case .bridge: program("nft") ?? bridge
        case .cni: isAccessible("/usr/lib/cni/bridge", X_OK) ? nil : "containernetworking-plugins is not installed"
        case .softhsm: program("softhsm2-util") ?? engine
        case .python: program("python3")
        case .podman: program("podman") ?? program("crun")
        case .buildah, .cryptsetup, .debootstrap, .fish, .gocryptfs, .gpg, .htpasswd, .ip, .iptables, .man, .mke2fs,
            .mksquashfs,
            .openssl, .pasta, .runc, .setpriv,
            .skopeo,
            .strace,
            .umoci, .unsquashfs, .zsh:
            program(rawValue)
        case .rustc, .swift: Self.compiler(rawValue) == nil ? "there is no \(rawValue) in PATH" : nil
        }
    }

    /// The path of a program by the PATH of the tests.
    package static func compiler(_ name: String) -> String? {
        let folders = environmentValue("PATH")?.split(separator: ":").map(String.init) ?? []
        return folders.map { $0 + "/" + name }.first { isAccessible($0, X_OK) }
    }

    private var cgroups: String? {
        let place = "/sys/fs/cgroup/pids/skiff-facility-\(processID())"
        guard effectiveUID() == 0, (try? makeDirectory(place)) != nil else {
            return "root can make no cgroup of version 1 here"
        }
        return (try? removeDirectory(place)) == nil ? "a cgroup cannot be removed" : nil
    }

    private var engine: String? {
        let found = try? command(["/usr/bin/openssl", "engine", "pkcs11"], seconds: 20)
        return found?.status == 0 ? nil : "OpenSSL has no engine for PKCS#11"
    }

    private var bridge: String? {
        let script = "ip link add b0 type bridge && ip link add v0 type veth peer name v1 && nft add table inet t"
        let made = try? command(["/usr/bin/unshare", "--net", "/bin/sh", "-c", script], seconds: 20)
        return made?.status == 0 ? nil : "the kernel lacks bridges, veth or nf_tables"
    }

    private var ranges: String? {
        if let reason = program("newuidmap") { return reason }
        let name = OrdinaryUser.record?.name ?? ""
        let lines = (try? readFile("/etc/subuid")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return lines.split(separator: "\n").contains { $0.hasPrefix(name + ":") }
            ? nil : "/etc/subuid has no line for \(name)"
    }

    private func program(_ name: String) -> String? {
        ["/usr/bin/", "/usr/sbin/"].contains { isAccessible($0 + name, X_OK) } ? nil : "\(name) is not installed"
    }

    private func hasFilesystem(_ name: String) -> Bool {
        guard let bytes = try? readFile("/proc/filesystems") else { return false }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").contains { $0.hasSuffix("\t" + name) }
    }

    private func succeeds(_ words: [String]) -> Bool {
        (try? command(OrdinaryUser.switching + words, seconds: 20))?.status == 0
    }
}
