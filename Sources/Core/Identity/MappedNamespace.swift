package import Base
import CLinux
package import Linux

/// Enters a user namespace in which the caller is root, with his own id alone or with a range of /etc/subuid as well.
package enum MappedNamespace {
    /// A user and a mount namespace for this process.
    package static func enter(_ uid: UInt32, _ gid: UInt32, _ ranges: SubordinateIDs?) throws(SkiffError) {
        guard let ranges else {
            return try unshared { () throws(Errno) in
                try writeOwnMaps(uid: IDMap(inside: 0, outside: uid), gid: IDMap(inside: 0, outside: gid))
            }
        }
        // Only a process outside of the new namespace may start newuidmap: inside, its setuid bit is worth nothing.
        let entering = processID()
        let pipe = try during("cannot make a pipe") { () throws(Errno) in try makePipe() }
        let reading = OwnedFD(adopting: pipe.first)
        let writing = OwnedFD(adopting: pipe.second)
        let mapper = try during("cannot start the mapping of ids") { () throws(Errno) in try cloneProcess() }
        if mapper == 0 { map(entering, uid, gid, ranges, when: reading.raw) }
        try unshared { () throws(Errno) in
            try writeFully(writing.raw, [1])
            guard try waitFor(mapper)?.status == .exited(0) else { throw .notPermitted }
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
        _ process: pid_t, _ uid: UInt32, _ gid: UInt32, _ ranges: SubordinateIDs, when ready: CInt
    ) -> Never {
        do throws(SkiffError) {
            try during("cannot map ids") { () throws(Errno) in
                try setParentDeathSignal(SIGKILL)
                var byte: [UInt8] = [0]
                _ = try byte.withUnsafeMutableBufferPointer { buffer throws(Errno) in
                    try read(ready, into: UnsafeMutableRawBufferPointer(buffer))
                }
            }
            try ranges.map(process, uid: uid, gid: gid)
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
            let child = try? cloneProcess()
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
