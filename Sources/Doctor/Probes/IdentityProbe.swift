import CLinux
import Core
import Linux

/// What `--fakeroot` and the builds of ordinary users rest on.
struct IdentityProbe {
    let host: HostFacts
    let programs: ProgramPath

    private static let effect = "--fakeroot and builds emulate root: owners are kept with the files"

    func findings() -> [Finding] {
        if host.uid == 0 { return [] }
        let root = RootCapability.current(host, programs)
        guard let ranges = root.ranges else {
            return [
                Finding(
                    "subids", .note, root.reason,
                    effect: root.hasListeners ? Self.effect : "--fakeroot only pretends: all files belong to root",
                    cure: root.cure)
            ]
        }
        var found: [Finding] = []
        for mapper in [ranges.userMapper, ranges.groupMapper] where !Self.hasPrivileges(mapper) {
            found.append(
                Finding(
                    "subids", .warning, "\(mapper) has no privileges", effect: "--fakeroot and builds fail",
                    cure: "chmod u+s \(mapper) as root, or use --ignore-subuid"))
        }
        if hasNoNewPrivileges() {
            found.append(
                Finding(
                    "subids", .warning, "no_new_privs is set for this process: newuidmap has no privileges",
                    effect: "--fakeroot and builds fail", cure: "use --ignore-subuid, or log in otherwise"))
        }
        if found.isEmpty { found.append(Finding("subids", .fine, "\(ranges.users.count) ids of /etc/subuid")) }
        return found
    }

    private static func hasPrivileges(_ program: String) -> Bool {
        guard let found = try? status(program) else { return false }
        if found.mode & UInt32(S_ISUID) != 0 { return true }
        return (try? xattr("security.capability", of: (try? realPath(program)) ?? program)) != nil
    }
}
