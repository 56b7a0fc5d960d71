import CLinux

/// Descriptors that connect the child to the processes around it; lent by frames that it never returns to.
struct ChildLinks {
    /// Where the image server waits for /dev/fuse.
    var server: CInt?
    /// The device of an encrypted image that the kernel decrypts; it is open in the child.
    var device: String?
    /// Where the servers of layers wait for /dev/fuse, by index in `Plan.served`.
    var layers: [Int: CInt] = [:]
    /// Where the parent waits for /dev/fuse, to have plugins serve layers.
    var serving: CInt?
    /// Where skiff-root waits for listeners.
    var supervisor: CInt?
    /// Where the parent says that it has written the id maps; nil when the child writes them itself.
    var mapped: CInt?
    /// Where the child hands out its namespaces, waits until plugins are done with them, and sends their messages; nil
    /// when no plugin takes part.
    var release: CInt?
    /// Close-on-exec: its end of file tells the monitor that the program runs. Nil when started in place.
    var status: CInt?
    /// Cgroups to enter at once, and those that keep devices out which the start itself needs. Open until the container is
    /// assembled.
    var cgroups: CgroupEntrances?
    /// Where a shim tells the monitor that the program was stopped.
    var reports: CInt?

    /// With only the link to a skiff-root that is already running, if there is one.
    init(_ root: RootEmulation?) {
        if case .held(let control)? = root?.supervisor { supervisor = control }
    }

    /// The descriptors needed inside the container until execve(2) closes them.
    var neededInside: [CInt] { [supervisor, status, reports].compactMap { $0 } }
}
