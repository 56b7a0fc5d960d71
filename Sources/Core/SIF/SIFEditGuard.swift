package import Base
import CLinux
import Linux

/// A child that watches an edit of a SIF file. When the process that edits is killed in the middle, or all processes of its
/// group are, the child cuts off what was written; it holds the lock for that long. What kills both, as the end of a
/// cgroup or of the power, leaves it to the next edit.
package final class SIFEditGuard {
    private let child: pid_t
    private var alive: OwnedFD?

    /// Open while the edit goes on. A helper that writes to the file inherits it: the child waits for its end, too.
    package var line: CInt {
        switch alive {
        case .some(let descriptor): descriptor.raw
        case .none: -1
        }
    }

    /// - Parameter file: open for reading and writing, and locked by the edit that begins.
    /// - Returns: nil without one more process: the edit goes on, and is only less guarded.
    package init?(of file: CInt) {
        guard let line = try? makePipe(), let ready = try? makePipe() else { return nil }
        let waiting = OwnedFD(adopting: line.first)
        let ours = OwnedFD(adopting: line.second)
        let detached = OwnedFD(adopting: ready.first)
        let attached = OwnedFD(adopting: ready.second)
        guard let child = try? forkProcess() else { return nil }
        if child == 0 { watch(file, waiting.raw) }
        // Until it has left the group, and closed its end, what kills the group kills it, too.
        try? attached.close()
        _ = try? waitReadable([], orEndOf: [detached.raw])
        self.child = child
        alive = consume ours
    }

    /// The edit was finished or given up.
    package func end() {
        guard alive != nil else { return }
        alive = nil
        _ = try? waitFor(child)
    }
}

/// Runs an edit of a SIF file under the eyes of a child.
///
/// - Parameter file: open for reading and writing, and locked by the edit that begins.
package func guardingEdit<Result>(of file: CInt, _ edit: () throws(SkiffError) -> Result) throws(SkiffError) -> Result {
    let guardian = SIFEditGuard(of: file)
    defer { guardian?.end() }
    return try edit()
}

/// Nothing is sent over the line: it is read until its other end has been closed, by the edit or with its process.
private func watch(_ file: CInt, _ line: CInt) -> Never {
    detachFromCaller(keeping: [file, line])
    setProcessName("skiff-sif-edit")
    _ = try? waitReadable([], orEndOf: [line])
    // Where the edit was finished or given up there is no mark.
    _ = try? SIFEditor(opening: file)
    _exit(0)
}
