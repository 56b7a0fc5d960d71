import CLinux
import Linux
import Testing

/// Something that a host may lack. A test that lacks it is skipped by name with the reason; `Scripts/check-skips` asks
/// the host the same question by the same name and calls a skip that was not needed a failure.
enum Facility: String, Sendable {
    case root, user, userNamespace = "user-namespace", fuse, loop, overlay, peer, strace, python, mksquashfs, registry,
        htpasswd,
        openssl, gpg, skopeo, umoci, buildah, podman, debootstrap, ranges

    /// Why the host cannot do it; nil when it can.
    var missing: String? {
        switch self {
        case .root: effectiveUID() == 0 ? nil : "the suite runs as an ordinary user"
        case .user: Profile.user.record == nil ? "there is no user \(Profile.ordinaryName)" : nil
        case .userNamespace:
            succeeds(["/usr/bin/unshare", "--user", "--map-current-user", "true"]) ? nil : "no user namespaces"
        case .fuse:
            succeeds(["/usr/bin/dd", "if=/dev/fuse", "of=/dev/null", "count=0", "status=none"])
                ? nil : "/dev/fuse cannot be opened"
        case .loop: isAccessible("/dev/loop-control", R_OK | W_OK) ? nil : "no /dev/loop-control"
        case .overlay: hasFilesystem("overlay") ? nil : "the kernel has no overlay"
        case .peer:
            environmentValue("SKIFF_APPTAINER") == nil ? "SKIFF_APPTAINER names no Apptainer" : nil
        case .strace: program("strace")
        case .python: program("python3")
        case .registry: program("docker-registry")
        case .debootstrap: isAccessible("/usr/sbin/debootstrap", X_OK) ? nil : "no debootstrap here"
        // A peer as well: nobody has to have it.
        case .podman: program("podman") ?? program("crun")
        case .mksquashfs, .htpasswd, .openssl, .gpg, .skopeo, .umoci, .buildah: program(rawValue)
        case .ranges: ranges
        }
    }

    private var ranges: String? {
        if let reason = program("newuidmap") { return reason }
        let name = Profile.user.record?.name ?? ""
        let lines = (try? readFile("/etc/subuid")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return lines.split(separator: "\n").contains { $0.hasPrefix(name + ":") }
            ? nil : "/etc/subuid has no line for \(name)"
    }

    private func program(_ name: String) -> String? {
        isAccessible("/usr/bin/" + name, X_OK) ? nil : "no \(name) here"
    }

    private func hasFilesystem(_ name: String) -> Bool {
        guard let bytes = try? readFile("/proc/filesystems") else { return false }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").contains { $0.hasSuffix("\t" + name) }
    }

    private func succeeds(_ command: [String]) -> Bool {
        (try? Command(command, as: .user).run())?.end == .exited(0)
    }
}

/// Skips the rest of the running test case when the host lacks something.
func need(_ facilities: Facility...) throws {
    for facility in facilities {
        if let reason = facility.missing { try skip(facility, reason) }
    }
}

func need(_ profile: Profile) throws { try need(profile.facility) }

/// Notes the skip in the file that `SKIFF_SKIPS` names, one line each: test, facility, reason.
private func skip(_ facility: Facility, _ reason: String) throws -> Never {
    let name = Test.current?.name ?? "unnamed"
    if let file = environmentValue("SKIFF_SKIPS"),
        let list = try? open(file, O_WRONLY | O_CREAT | O_APPEND, mode: 0o666)
    {
        try writeFully(list.raw, "\(name)\t\(facility.rawValue)\t\(reason)\n")
    }
    try Test.cancel("\(reason)")
}
