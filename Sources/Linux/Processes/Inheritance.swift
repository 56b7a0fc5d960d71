import CLinux

/// What the caller handed to this process besides arguments and environment: open descriptors, the signal mask, whether
/// SIGCHLD is ignored, the limit of descriptors. A program takes it over as its first act, works with the kernel's
/// defaults, and gives it back to the program that it becomes.
package enum Inheritance {
    /// Takes it over. From here on no signal is blocked, the ends of children are reported, and 0 to 2 are open: the
    /// missing ones are /dev/null, so that no file opened later is taken for an output.
    package static func take() {
        // Without descriptors there is nowhere to report the reason.
        if skl_inherit() != 0 { _exit(255) }
    }

    /// Inheritable descriptors of the caller above 2, ascending: `<(…)`, the job server of make, LISTEN_FDS.
    package static var descriptors: [CInt] {
        var count = 0
        let first = skl_inherited_descriptors(&count)
        return Array(UnsafeBufferPointer(start: first, count: count))
    }

    /// Claims a descriptor that was meant for this program itself: it is not handed on.
    package static func claim(_ fd: CInt) { skl_disinherit(fd) }

    /// Closes the descriptors once the program has them: this process, which only waits for it, must not keep a pipe
    /// open.
    package static func closeDescriptors() { for fd in descriptors { _ = close(fd) } }

    /// Raises the soft limit of open descriptors to the hard one if it is below `count`; getrlimit(2) RLIMIT_NOFILE.
    package static func makeRoom(forDescriptors count: Int) throws(Errno) {
        _ = try checked { skl_raise_descriptor_limit(rlim_t(count)) }
    }

    /// The same as far as the hard limit allows; programs started by `spawn` get the caller's limit.
    package static func makeRoomForDescriptors() throws(Errno) { try makeRoom(forDescriptors: Int(Int32.max)) }

    /// Replaces the limit of descriptors that is given back.
    package static func setLimitOfDescriptors(_ limit: ResourceLimit) {
        skl_inherit_descriptor_limit(rlim_t(limit.soft), rlim_t(limit.hard))
    }

    /// Just before execve(2).
    package static func giveBack() throws(Errno) { _ = try checked { skl_give_inheritance_back() } }
}

/// Closes every descriptor above 2 but these: close_range(2), or what /proc/self/fd lists where that call is missing.
package func closeDescriptors(except kept: [CInt]) {
    let kept = kept.filter { $0 > 2 }.sorted()
    skl_close_others(3, kept, kept.count)
}
