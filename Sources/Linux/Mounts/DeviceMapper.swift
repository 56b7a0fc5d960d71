import CLinux

/// What dm-crypt needs to know; Documentation/admin-guide/device-mapper/dm-crypt.rst.
package struct CryptTable {
    /// `aes-xts-plain64`.
    package let cipher: String
    /// Lent.
    package let key: UnsafeRawBufferPointer
    /// In bytes.
    package let sectorSize: Int
    /// What is added to the number of a sector, in 512 bytes.
    package let tweakOffset: UInt64
    /// Of the encrypted bytes in their file, and of the plain volume.
    package let range: ByteRange

    /// - Returns: nil for what cannot be, or does not lie in `limit` bytes of a file.
    package init?(
        cipher: String, key: UnsafeRawBufferPointer, sectorSize: Int, tweakOffset: UInt64, range: ByteRange,
        within limit: ByteRange
    ) {
        guard [512, 1024, 2048, 4096].contains(sectorSize), (16...128).contains(key.count),
            !cipher.isEmpty, cipher.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            range.size > 0, range.size % Int64(sectorSize) == 0, range.offset >= limit.offset,
            range.offset - limit.offset <= limit.size, range.size <= limit.size - (range.offset - limit.offset)
        else { return nil }
        (self.cipher, self.key, self.sectorSize, self.tweakOffset, self.range) =
            (cipher, key, sectorSize, tweakOffset, range)
    }
}

/// The kernel's device mapper; ioctls of /dev/mapper/control.
package struct DeviceMapper: ~Copyable {
    private let control: OwnedFD

    /// Keys of keyrings, and sectors of other sizes than 512 bytes; Linux 4.15.
    private static let oldestCrypt: [UInt32] = [1, 18, 1]
    private static let crypt = "crypt"
    /// What the names of our devices begin with.
    private static let prefix = "skiff-"

    /// - Throws: ENXIO, ENODEV or ENOENT where the kernel has none.
    package init() throws(Errno) { control = try open("/dev/mapper/control", O_RDWR) }

    /// Whether dm-crypt is there; its module is loaded for the answer.
    package func decrypts() -> Bool {
        var version: [UInt32] = [0, 0, 0]
        let control = control.raw
        guard version.withUnsafeMutableBufferPointer({ skl_mapper_target(control, Self.crypt, $0.baseAddress) }) == 0
        else { return false }
        return !version.lexicographicallyPrecedes(Self.oldestCrypt)
    }

    /// A block device, read-only, that shows a part of a file decrypted. It is gone, and the loop device below it with it, as soon as
    /// nobody has it open: as long as it is mounted, or the result lives.
    ///
    /// The kernel reads the key in a keyring of this thread, so that no table shows it, and has a copy of it as long as the
    /// device. A process that is killed within the few calls between the making of the device and the promise to remove it leaves
    /// the device; `sweep` finds it.
    /// - Parameters:
    ///   - file: lent; the device has it open.
    ///   - limit: of the numbers of loop devices; see `makeLoop`.
    package func decrypted(_ table: CryptTable, of file: CInt, below limit: Int) throws(Errno) -> MappedDevice {
        let loop = try makeLoop(
            over: file, offset: table.range.offset, size: table.range.size, writable: false, below: limit)
        let below = try status(of: loop.device.raw).rawDevice
        let name = "\(Self.prefix)\(String(monotonicMilliseconds(), radix: 16))-\(processID())"
        let keyName = "skiff:" + name
        let key = try checked(keyName) { skl_key_lend($0, table.key.baseAddress, table.key.count) }
        defer { skl_key_end(key) }
        let sector = table.sectorSize == 512 ? "" : " 1 sector_size:\(table.sectorSize)"
        let parameters =
            "\(table.cipher) :\(table.key.count):logon:\(keyName) \(table.tweakOffset) "
            + "\(skl_major(dev_t(below))):\(skl_minor(dev_t(below))) 0\(sector)"
        let control = control.raw
        var number = dev_t()
        _ = try checked(name) { skl_mapper_create(control, $0, &number) }
        do throws(Errno) {
            _ = try checked(name) { name in
                skl_mapper_load(control, name, Self.crypt, UInt64(table.range.size) / 512, parameters)
            }
            // The kernel makes the node; before Linux 5.16 already with the device.
            let path = "/dev/dm-\(skl_minor(number))"
            let device = try open(path, O_RDONLY)
            let found = try status(of: device.raw)
            guard found.isBlockDevice, found.rawDevice == UInt64(number) else { throw .noSuchDevice }
            _ = try checked(name) { skl_mapper_remove(control, $0, 1) }
            _ = try checked(name) { skl_mapper_resume(control, $0) }
            return MappedDevice(path: path, device: device)
        } catch {
            _ = name.withCString { skl_mapper_remove(control, $0, 0) }
            throw error
        }
    }

    /// Devices of skiff that nobody has open and that nobody is about to open, since they have been there for a minute.
    ///
    /// - Returns: the paths of those that were found and, if so asked, removed.
    package func sweep(removing: Bool) -> [String] {
        let control = control.raw
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = bytes.withUnsafeMutableBytes {
            skl_mapper_names(control, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard count > 0 else { return [] }
        return bytes.prefix(count).split(separator: ASCII.newline).map { String(bytes: $0) }.filter { name in
            guard let age = Self.age(of: name), age > 60_000,
                name.withCString({ skl_mapper_open_count(control, $0) }) == 0
            else { return false }
            return !removing || name.withCString { skl_mapper_remove(control, $0, 0) } == 0
        }.map { "/dev/mapper/" + $0 }
    }

    /// In milliseconds; nil for a name of somebody else.
    private static func age(of name: String) -> Int64? {
        let parts = name.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 3, name.hasPrefix(prefix), let made = Int64(String(bytes: parts[1]), radix: 16),
            Int32(String(bytes: parts[2])) != nil
        else { return nil }
        let age = monotonicMilliseconds().subtractingReportingOverflow(made)
        return age.overflow ? nil : age.partialValue
    }
}

/// A device of the device mapper that ends with its last user.
package struct MappedDevice: ~Copyable {
    /// `/dev/dm-0`.
    package let path: String
    package let device: OwnedFD
}
