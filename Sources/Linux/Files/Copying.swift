import CLinux

/// Copies a file into an empty one: shared blocks where the file system can (ioctl_ficlone(2)), else within the kernel
/// (copy_file_range(2)), else through memory.
package func copyContents(of source: CInt, to target: CInt) throws(Errno) {
    if skl_ficlone(target, source) == 0 { return }
    while true {
        let count = copy_file_range(source, nil, target, nil, 1 << 30, 0)
        if count == 0 { return }
        if count > 0 { continue }
        let error = Errno.current
        if error == .interrupted { continue }
        // Between file systems and on FUSE; what was copied so far stays copied, and both offsets have moved along.
        guard [Errno(EXDEV), .invalidArgument, .noSystemCall, .notSupported].contains(error) else { throw error }
        break
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    while true {
        let count = try read(source, into: buffer)
        if count == 0 { return }
        try writeFully(target, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
}
