import CLinux

/// Descriptors that lead the child to those around it; lent by frames that it never returns to.
struct ChildLinks {
    /// Where the image server waits for /dev/fuse.
    var server: CInt?
    /// Where skiff-root waits for listeners.
    var supervisor: CInt?
    /// Where the parent says that it has written the id maps; nil when the child writes them itself.
    var mapped: CInt?
    /// Close-on-exec: its end tells the monitor that the program runs. Nil in place.
    var status: CInt?
    /// Where a shim tells the monitor that the program was stopped.
    var reports: CInt?

    /// With the way to a skiff-root that runs already.
    init(_ root: RootEmulation?) {
        if case .held(let control)? = root?.supervisor { supervisor = control }
    }

    /// What is needed inside of the container, until execve(2) closes it.
    var neededInside: [CInt] { [supervisor, status, reports].compactMap { $0 } }
}
