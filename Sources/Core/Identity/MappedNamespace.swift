package import Base
import CLinux
package import Linux

/// Enters a user namespace in which the caller is root, with only the caller's own id or with a range of /etc/subuid as
/// well.
package enum MappedNamespace {
    /// Enters a user and a mount namespace with this process.
    package static func enter(_ uid: UInt32, _ gid: UInt32, _ ranges: SubordinateIDs?) throws(SkiffError) {
        guard let ranges else {
            return try unshared { () throws(Errno) in
                try writeOwnMaps(uid: IDMap(inside: 0, outside: uid), gid: IDMap(inside: 0, outside: gid))
            }
        }
        // Inside, the setuid bit of newuidmap is worth nothing.
        try entered { (entering) throws(SkiffError) in try ranges.map(entering, uid: uid, gid: gid) }
    }

    /// Enters a user and a mount namespace with this process, which is root without CAP_SYS_ADMIN, like root of a CI
    /// container: it gets that capability there, and every id stays what it is.
    package static func enterKeepingIDs() throws(SkiffError) {
        try entered { (entering) throws(SkiffError) in
            for name in ["uid_map", "gid_map"] {
                try during("cannot map the ids of root without CAP_SYS_ADMIN") { () throws(Errno) in
                    let own = UserIDMap(parsing: try readFile("/proc/self/" + name, limit: 1 << 16))
                    let text = own.keepingIDs.map(\.line).joined()
                    let file = try open("/proc/\(entering)/" + name, O_WRONLY)
                    // In one write, as the kernel wants it.
                    try writeFully(file.raw, Array(text.utf8))
                }
            }
        }
    }

    /// - Parameter map: writes the maps of the process that enters; called in a process outside the namespace, which
    ///   alone has the right to write them.
    private static func entered(_ map: (_ entering: pid_t) throws(SkiffError) -> Void) throws(SkiffError) {
        let entering = processID()
        let pipe = try during("cannot make a pipe") { () throws(Errno) in try makePipe() }
        let reading = OwnedFD(adopting: pipe.first)
        let writing = OwnedFD(adopting: pipe.second)
        let mapper = try during("cannot start the mapping of ids") { () throws(Errno) in try forkProcess() }
        if mapper == 0 { self.map(entering, map, when: reading.raw) }
        do throws(SkiffError) {
            try unshared { () throws(Errno) in
                try writeFully(writing.raw, [1])
                guard try waitFor(mapper)?.status == .exited(0) else { throw .notPermitted }
            }
        } catch {
            // It waits for a byte that will not come.
            try? sendSignal(SIGKILL, to: mapper)
            _ = try? waitFor(mapper)
            throw error
        }
    }

    private static func unshared(_ map: () throws(Errno) -> Void) throws(SkiffError) {
        do throws(Errno) {
            try enterNew([.user, .mount])
            try map()
            // What runs in the namespace later must not look into us; `Child.closeMemory` has the kernel's rule.
            try setDumpable(false)
        } catch {
            throw SkiffError(
                "cannot make the user namespace of an unprivileged build", errno: error,
                hint: NamespaceAdvice.hint(for: error))
        }
    }

    private static func map(
        _ process: pid_t, _ map: (pid_t) throws(SkiffError) -> Void, when ready: CInt
    ) -> Never {
        do throws(SkiffError) {
            try during("cannot map ids") { () throws(Errno) in
                try setParentDeathSignal(SIGKILL)
                var byte: [UInt8] = [0]
                _ = try byte.withUnsafeMutableBufferPointer { buffer throws(Errno) in
                    try read(ready, into: UnsafeMutableRawBufferPointer(buffer))
                }
            }
            try map(process)
            _exit(0)
        } catch {
            report(error)
            _exit(255)
        }
    }

    /// Removes a tree with files that may belong to ids of a range: they exist only in a namespace, whose root may remove
    /// them. What is already gone is no error.
    package static func remove(_ path: String) throws(Errno) {
        do throws(Errno) {
            try removeTree(path)
        } catch {
            let isRefused = error == .accessDenied || error == .notPermitted
            guard isRefused, effectiveUID() != 0, isRemovedInside(path) else { throw error }
        }
    }

    private static func isRemovedInside(_ path: String) -> Bool {
        guard let host = try? HostFacts.current(),
            let ranges = RootCapability.current(host, ProgramPath(Settings())).ranges,
            let child = try? forkProcess()
        else { return false }
        if child == 0 {
            let isRemoved = (try? enter(host.uid, host.gid, ranges)) != nil && (try? removeTree(path)) != nil
            _exit(isRemoved ? 0 : 1)
        }
        return (try? waitFor(child))??.status == .exited(0)
    }

    /// Whether a file belongs to somebody whom this namespace does not know; user_namespaces(7).
    package static func isForeign(_ status: FileStatus) -> Bool {
        guard !inInitialUserNamespace() else { return false }
        let text = (try? readFile("/proc/sys/kernel/overflowuid", limit: 100)).map {
            String(bytes: $0)
        }
        return status.uid == text.flatMap { UInt32($0.filter { !$0.isWhitespace }) } ?? 65534
    }
}
