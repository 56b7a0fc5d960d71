import CLinux

/// How symbolic links on the way of a lookup in a foreign tree are treated.
package enum TreeLinks: Sendable {
    /// They are followed inside the tree.
    case followed
    /// The last component is taken as it is; links before it are followed.
    case lastKept
    /// A link anywhere on the way is an error, `ELOOP`.
    case refused
}

/// The one lookup of a `TreePath`: beneath the top directory, whatever the names in the tree lead to.
///
/// openat2(2) does it in the kernel (Linux 5.6). Where that is missing, `TreeWalk` applies the same rule component by
/// component.
struct TreeLookup {
    let path: TreePath
    let flags: OpenFlags
    var mode: mode_t = 0
    var links: TreeLinks = .followed

    /// How a lookup is done.
    enum Method: Sendable { case kernel, walk }

    /// Probed once.
    static let method = probe()

    /// Probes with the empty path: a kernel that knows openat2(2) reports what is wrong with it; one that does not,
    /// ENOSYS. A sandbox may answer EPERM where its profile is older than the call.
    static func probe() -> Method {
        do throws(Errno) {
            _ = try checked { skl_openat2(-1, "", 0, 0, 0) }
        } catch .noSystemCall {
            return .walk
        } catch .notPermitted {
            return .walk
        } catch {}
        return .kernel
    }

    func open(in root: CInt, _ method: Method = Self.method) throws(Errno) -> OwnedFD {
        if method == .kernel {
            do throws(Errno) {
                return try openInKernel(root)
            } catch .noSystemCall {
                // A filter was put on this thread after the probe.
            } catch .nameTooLong where path.bytes.count >= Self.longest {
                if links == .refused { return try openInParts(root) }
            } catch .tryAgain {
                // Renames never stopped; a walk has no `..` that could escape, so they do not matter to it.
            }
        }
        var walk = try TreeWalk(root: root, lookup: self)
        return try walk.run()
    }

    /// A longer path does not fit with its NUL into the kernel's page; PATH_MAX.
    private static let longest = 4096

    private var resolve: UInt64 {
        // RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS; RESOLVE_NO_SYMLINKS implies the latter.
        links == .refused ? 0x10 | 0x04 : 0x10 | 0x02
    }

    private var kernelFlags: UInt64 {
        UInt64(links == .lastKept ? flags.union(.noFollow).value : flags.value)
    }

    private func openInKernel(_ root: CInt) throws(Errno) -> OwnedFD {
        let bytes = path.isEmpty ? [ASCII.dot] : path.bytes
        let mode = flags.contains(.create) || flags.contains(.unnamedFile) ? UInt64(mode) : 0
        var attempts = 0
        while true {
            do throws(Errno) {
                return OwnedFD(
                    adopting: try checked(bytes) { skl_openat2(root, $0, kernelFlags, mode, resolve) })
            } catch .tryAgain where attempts < 64 {
                // A rename or mount ran during the walk, and the kernel cannot tell whether `..` escaped; openat2(2).
                attempts += 1
            }
        }
    }

    private var kernelDirectory: CInt { OpenFlags([.pathOnly, .directory]).value }

    /// Opens a path longer than the kernel takes in one call, in parts. Each part starts where the last one ended, so
    /// none may go up: a path with `..` is walked.
    private func openInParts(_ root: CInt) throws(Errno) -> OwnedFD {
        let names = path.components
        guard !names.contains([ASCII.dot, ASCII.dot]) else {
            var walk = try TreeWalk(root: root, lookup: self)
            return try walk.run()
        }
        var current = try OwnedFD(adopting: checked { skl_openat(root, ".", kernelDirectory, 0) })
        var part: [UInt8] = []
        for (index, name) in names.enumerated() {
            if !part.isEmpty, part.count + name.count + 1 >= Self.longest || index == names.count - 1 {
                let lookup = TreeLookup(path: TreePath(part), flags: [.pathOnly, .directory], links: .refused)
                current = try lookup.openInKernel(current.raw)
                part = []
            }
            part += part.isEmpty ? name : [ASCII.slash] + name
        }
        let last = TreeLookup(path: TreePath(part), flags: flags, mode: mode, links: .refused)
        return try last.openInKernel(current.raw)
    }
}
