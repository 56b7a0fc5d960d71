import CLinux

/// A loop device over `[offset, offset+size)` of an open file, with autoclear: the kernel frees it when the
/// last user (our mount) goes; loop(4) LOOP_CONFIGURE. Until then it keeps the open file, and with it the file's locks.
///
/// Another process may take the free number first: after EBUSY the next number is tried, as often as needed.
/// - Parameter limit: only devices with a smaller number are used.
/// - Throws: ENOSPC when the first free one has a larger number.
/// - Returns: the open device, which must stay open until it is mounted, and its path.
package func makeLoop(over file: CInt, offset: Int64, size: Int64, writable: Bool, below limit: Int) throws(Errno)
    -> LoopDevice
{
    let control = try open("/dev/loop-control", O_RDWR)
    let controlFD = control.raw
    while true {
        let number = try checked { skl_ioctl(controlFD, SKL_LOOP_CTL_GET_FREE, 0) }
        guard number < limit else { throw .noSpace }
        let path = "/dev/loop\(number)"
        let device = try open(path, writable ? O_RDWR : O_RDONLY)
        var config = loop_config()
        config.fd = UInt32(file)
        config.block_size = 0
        config.info.lo_offset = UInt64(offset)
        config.info.lo_sizelimit = UInt64(size)
        config.info.lo_flags = SKL_LO_FLAGS_AUTOCLEAR | (writable ? 0 : SKL_LO_FLAGS_READ_ONLY)
        let deviceFD = device.raw
        do throws(Errno) {
            _ = try checked { skl_ioctl_pointer(deviceFD, SKL_LOOP_CONFIGURE, &config) }
        } catch {
            if error == .busy { continue }
            throw error
        }
        return LoopDevice(path: path, device: device)
    }
}

package struct LoopDevice: ~Copyable {
    package let path: String
    package let device: OwnedFD
}
