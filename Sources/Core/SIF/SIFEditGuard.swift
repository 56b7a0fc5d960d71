package import Base
import CLinux
import Linux

/// Runs an edit of a SIF file under the eyes of a child. When this process is killed in the middle, or all processes of
/// its group are, the child cuts off what was written; it holds the lock for that long. What kills both, as the end of a
/// cgroup or of the power, leaves it to the next edit.
///
/// - Parameter file: open for reading and writing, and locked by the edit that begins.
package func guardingEdit<Result>(of file: CInt, _ edit: () throws(SkiffError) -> Result) throws(SkiffError) -> Result {
    guard let line = try? makePipe() else { return try edit() }
    let waiting = OwnedFD(adopting: line.first)
    var alive: OwnedFD? = OwnedFD(adopting: line.second)
    // Without one more process the edit goes on; it is only less guarded.
    guard let child = try? cloneProcess() else { return try edit() }
    if child == 0 { watch(file, waiting.raw) }
    defer {
        _ = alive.take()
        _ = try? waitFor(child)
    }
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
