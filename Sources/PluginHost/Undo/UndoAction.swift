import Base
import CLinux
import Linux

/// Carries records out.
extension UndoRecord {
    /// Does it, or warns: nobody else will.
    /// - Parameter isOfThisBoot: whether the record was written since the machine started.
    func carryOut(isOfThisBoot: Bool) {
        guard isOfThisBoot || kind.outlivesBoot else { return }
        do throws(Errno) {
            Log.debug("plugin \(plugin): undoing: \(what)")
            try act()
        } catch {
            if isAbsence(error) { return }
            Log.warning("plugin \(plugin): cannot \(what): \(error)")
        }
    }

    private var what: String {
        switch kind {
        case .removeFile: "remove \(object)"
        case .removeDirectory: "remove directory \(object)"
        case .unmount: "unmount \(object)"
        case .deleteLink: "delete network interface \(object)"
        case .run: "run \(object)"
        }
    }

    private func isAbsence(_ error: Errno) -> Bool {
        switch kind {
        case .removeFile: error == .noSuchFile || error == .notDirectory
        case .removeDirectory: error == .noSuchFile || error == .notEmpty || error == .notDirectory
        // EINVAL: it is no mount point (any more); umount(2).
        case .unmount: error == .noSuchFile || error == .invalidArgument
        case .deleteLink: error == .noSuchDevice || error == .noSuchFile
        case .run: false
        }
    }

    private func act() throws(Errno) {
        switch kind {
        case .removeFile: try unlink(object)
        case .removeDirectory: try removeDirectory(object)
        case .unmount: try unmount(object, detach: true)
        case .deleteLink: try deleteLink()
        case .run: try run()
        }
    }

    /// In the namespace that `detail` names, which only a process of its own can enter and leave again.
    private func deleteLink() throws(Errno) {
        if detail.isEmpty { return try deleteNetworkInterface(object) }
        let namespace = try open(detail, O_RDONLY)
        let pid = try forkProcess()
        if pid == 0 {
            do throws(Errno) {
                try join(namespace.raw, .network)
                try deleteNetworkInterface(object)
                _exit(0)
            } catch {
                _exit(CInt(clamping: error.rawValue))
            }
        }
        guard case .exited(let number)? = try waitFor(pid)?.status, number != 0 else { return }
        throw Errno(number)
    }

    private func run() throws(Errno) {
        let nothing = try open("/dev/null", O_RDWR)
        let file = try makeMemoryFile("input", input)
        let pid = try spawn(
            object, arguments.isEmpty ? [object] : arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            descriptors: [(0, file.raw), (1, nothing.raw), (2, nothing.raw)], newSession: true, deathSignal: SIGKILL)
        let handle = try openPidFD(pid)
        let isOver = try waitReadable(handle.raw, milliseconds: Self.patience)
        if !isOver { try? sendSignal(SIGKILL, to: -pid) }
        guard let status = try waitFor(pid)?.status, status != .exited(0) else { return }
        Log.warning(
            "plugin \(plugin): \(object), which was to undo something, "
                + (isOver ? "ended with status \(status.code)" : "took too long"))
    }

    /// Milliseconds.
    private static let patience: CInt = 10_000
}
