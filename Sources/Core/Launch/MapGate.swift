import Base
import CLinux
import Linux

/// Holds a child back until its id maps are written from outside, which only newuidmap(1) may do for ranges.
struct MapGate {
    private let user: UserNamespace
    /// Plain numbers: a child never comes back to the frame that would close them.
    private let pipe: DescriptorPair?

    private let areWritten: Bool

    /// Holds nothing back when the child writes the maps itself.
    /// - Parameter areWritten: whether ranges are mapped by the time that this opens.
    init(_ user: UserNamespace, areWritten: Bool) throws(SkiffError) {
        (self.user, self.areWritten) = (user, areWritten)
        guard case .ranges = user else {
            pipe = nil
            return
        }
        pipe = try during("cannot make a pipe") { () throws(Errno) in try makePipe() }
    }

    /// Called in the child: returns the descriptor from which it reads one byte. Its own writing end of the pipe is
    /// closed here, or it would wait for itself.
    func wait() -> CInt? {
        guard let pipe else { return nil }
        _ = CLinux.close(pipe.second)
        return pipe.first
    }

    /// Called in the parent: writes the maps and lets the child go on. When they cannot be written, the child is ended.
    func open(for child: pid_t) throws(SkiffError) {
        guard case .ranges(let ids, let uid, let gid) = user, let pipe else { return }
        defer { close() }
        do throws(SkiffError) {
            if !areWritten { try ids.map(child, uid: uid, gid: gid) }
            try during("cannot start the container") { () throws(Errno) in try writeFully(pipe.second, [1]) }
        } catch {
            try? sendSignal(SIGKILL, to: child)
            _ = try? waitFor(child)
            throw error
        }
    }

    func close() {
        guard let pipe else { return }
        _ = CLinux.close(pipe.first)
        _ = CLinux.close(pipe.second)
    }
}
