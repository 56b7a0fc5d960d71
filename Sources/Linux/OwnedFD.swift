import CLinux

/// A file descriptor with one owner: closed when the value ends, close-on-exec from birth.
///
/// Move-only, so a descriptor can neither be closed twice nor forgotten. Lend it with `raw`; give it away with
/// `release()`. close(2): an error of close is of no use to a reader and is swallowed by `deinit`; a writer that must
/// know calls `close()`.
package struct OwnedFD: ~Copyable, Sendable {
    /// The number, lent: valid while the owner lives.
    package let raw: CInt

    /// Takes ownership of `raw`, which must be open.
    package init(adopting raw: CInt) { self.raw = raw }

    deinit { _ = CLinux.close(raw) }

    /// Closes the descriptor and throws an error that the kernel kept until now (NFS, quota).
    package consuming func close() throws(Errno) {
        let raw = self.raw
        discard self
        // EINTR on Linux has closed the descriptor all the same; close(2), notes.
        if CLinux.close(raw) != 0 {
            let error = Errno.current
            if error != .interrupted { throw error }
        }
    }

    /// Gives the number away; the caller closes it.
    package consuming func release() -> CInt {
        let raw = self.raw
        discard self
        return raw
    }

    /// A second descriptor for the same open file, close-on-exec; fcntl(2) F_DUPFD_CLOEXEC.
    package borrowing func duplicate() throws(Errno) -> OwnedFD {
        let source = raw
        return OwnedFD(adopting: try checked { skl_fcntl(source, F_DUPFD_CLOEXEC, 3) })
    }

    /// Whether an exec keeps the descriptor; fcntl(2) F_SETFD.
    package borrowing func setInherited(_ inherited: Bool) throws(Errno) {
        try Linux.setInherited(raw, inherited)
    }
}

/// The same for a descriptor that is only lent.
package func setInherited(_ fd: CInt, _ inherited: Bool) throws(Errno) {
    _ = try checked { skl_fcntl(fd, F_SETFD, inherited ? 0 : Int(FD_CLOEXEC)) }
}

/// Makes a number lead to the same open file as another, also after an exec; dup2(2).
package func duplicate(_ fd: CInt, onto number: CInt) throws(Errno) { _ = try checked { dup2(fd, number) } }

/// The two ends of a new pipe or socket pair, to be adopted at once: a move-only pair could not be taken apart outside
/// of this module.
package struct DescriptorPair: Sendable {
    package let first: CInt
    package let second: CInt
}
