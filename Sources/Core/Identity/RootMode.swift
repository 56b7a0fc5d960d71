package import Linux

/// How somebody becomes root of a container without being root (Docs/root-emulation.md): the first mode that this host
/// offers is used.
package enum RootMode: String, Sendable {
    /// True ids from /etc/subuid; only devices are emulated.
    case ranges
    /// One id; skiff-root answers the calls that need more.
    case supervised
    /// One id; the calls that need more succeed and do nothing.
    case faked
}

/// What the host offers, looked up only for somebody who wants to be root.
package struct RootCapability: Sendable {
    package var ranges: SubordinateIDs?
    /// Why there are no ranges, and what helps.
    package var reason: String
    /// What root can do about it.
    package private(set) var cure: String?
    package var hasListeners: Bool
    /// Whether the caller is in a user namespace already, as root with the only id in it.
    package var isSoleRoot: Bool

    package init(ranges: SubordinateIDs?, reason: String, hasListeners: Bool, isSoleRoot: Bool = false) {
        (self.ranges, self.reason) = (ranges, reason)
        (self.hasListeners, self.isSoleRoot) = (hasListeners, isSoleRoot)
    }

    /// - Parameters:
    ///   - ignoreRanges: `--ignore-subuid`.
    ///   - ignoreListeners: `--ignore-fakeroot-command`.
    ///   - keepsOwners: whether the owners of the tree are to be kept on its files (`OwnedSandbox`).
    package func mode(ignoreRanges: Bool, ignoreListeners: Bool, keepsOwners: Bool) -> RootMode {
        let mayListen = hasListeners && !ignoreListeners
        if ranges != nil && !ignoreRanges && !(keepsOwners && mayListen) { return .ranges }
        return mayListen ? .supervised : .faked
    }

    /// Returns the one line that tells which mode it is, and how to get a better one.
    package func notice(_ mode: RootMode, ignoredRanges: Bool) -> String {
        let why =
            if ignoredRanges { "--ignore-subuid was given" } else if ranges == nil { reason } else {
                "the files of a sandbox belong to who made it"
            }
        return switch mode {
        case .ranges: "Root by the ids of /etc/subuid: owners are true ones"
        case .supervised: "Root by emulation, because \(why): owners are kept with the files"
        case .faked:
            "Root by pretence, because \(why)"
                + (hasListeners ? "" : ", and this kernel hands no system calls over")
                + ": all files belong to root"
        }
    }
}

/// A sandbox whose files all belong to the user who made it, so that they can be edited and removed; their owners in the image
/// are recorded on them, for those who are root by emulation (Docs/root-emulation.md).
package enum OwnedSandbox {
    /// Set on the top directory. No attribute with this prefix reaches an image.
    private static let attribute = Array("user.skiff.owners".utf8)

    /// - Parameter top: the top directory, lent.
    package static func mark(_ top: CInt) throws(Errno) {
        try AttributeTarget.open(top).setXattr(attribute, Array("recorded".utf8))
    }

    static func isMarked(_ top: CInt) -> Bool {
        (try? AttributeTarget.open(top).xattr(attribute)) == Array("recorded".utf8)
    }
}

extension RootCapability {
    /// - Parameter programs: where newuidmap is looked for.
    package static func current(_ host: HostFacts, _ programs: ProgramPath) -> RootCapability {
        let name = host.userName
        var capability = RootCapability(ranges: nil, reason: "", hasListeners: hasSystemCallListeners())
        if host.uid == 0 {
            capability.reason = "this user namespace has one id"
            capability.isSoleRoot = !host.isInitialUserNamespace && UserIDMap.ofThisProcess?.soleID != nil
            return capability
        }
        func range(_ file: String) -> SubordinateIDs.Range? {
            (try? readFile(file)).flatMap { SubordinateIDs.range(in: $0, user: name, uid: host.uid) }
        }
        guard let users = range("/etc/subuid"), let groups = range("/etc/subgid") else {
            let file = range("/etc/subuid") == nil ? "/etc/subuid" : "/etc/subgid"
            let cure = "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \(name)"
            capability.reason = "\(file) has no line for \(name) (root can add one: \(cure))"
            capability.cure = cure + " as root"
            return capability
        }
        guard let userMapper = programs.find("newuidmap"), let groupMapper = programs.find("newgidmap") else {
            capability.reason = "newuidmap is not installed (package uidmap)"
            capability.cure = "Install the package uidmap as root"
            return capability
        }
        capability.ranges = SubordinateIDs(
            users: users, groups: groups, userMapper: userMapper, groupMapper: groupMapper)
        return capability
    }
}
