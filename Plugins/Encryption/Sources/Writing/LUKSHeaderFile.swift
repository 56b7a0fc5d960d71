import CCryptsetup
import Glibc
import PluginAPI
package import PluginKit

/// A LUKS2 header in a file in memory, as libcryptsetup works with it: what comes before the data of an encrypted partition. It holds
/// no key in clear.
package final class LUKSHeaderFile: @unchecked Sendable {
    /// How hard a slot is to open by guessing, and to open at all.
    package struct Costs: Sendable, Equatable {
        /// In KiB.
        package var memory: UInt32
        package var passes: UInt32
        package var lanes: UInt32

        /// Of a passphrase: 128 MiB, which every machine has at a start, for some 0.3 s.
        package static let passphrase = Costs(memory: 128 << 10, passes: 4, lanes: 4)
        /// Of 64 random bytes, which nobody guesses: the least that cryptsetup's own programs take for argon2id would do, too.
        package static let randomSecret = Costs(memory: 4 << 10, passes: 4, lanes: 1)

        package init(memory: UInt32, passes: UInt32, lanes: UInt32) {
            (self.memory, self.passes, self.lanes) = (memory, passes, lanes)
        }
    }

    /// Where data begins, as in Apptainer's images, in bytes.
    package static let dataOffset: UInt64 = 16 << 20

    package let file: HostFile
    /// In bytes.
    package let size: UInt64
    private let header: OpaquePointer

    /// Makes a header without slots.
    package convenience init(volumeKey: SecretBytes) throws(PluginError) {
        try self.init(try Self.memory(Self.dataOffset), Self.dataOffset)
        let status = volumeKey.withBytes {
            cl_format(header, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count, Self.dataOffset)
        }
        guard status >= 0 else { throw Self.failure("make the LUKS2 header", status) }
    }

    /// Takes a header that is there. What it says must have been checked before: libcryptsetup trusts it.
    ///
    /// - Parameters:
    ///   - file: a copy in memory, which is changed.
    ///   - size: where the data begins.
    package convenience init(adopting file: HostFile, size: UInt64) throws(PluginError) {
        try self.init(file, size)
        let status = cl_load(header)
        guard status >= 0 else { throw Self.failure("read the LUKS2 header", status) }
    }

    private init(_ file: HostFile, _ size: UInt64) throws(PluginError) {
        guard cl_open() != 0 else {
            throw PluginError(
                "cannot work with a LUKS2 header: cannot open libcryptsetup.so.12\nInstall the package libcryptsetup12",
                status: SKIFF_E_SYSTEM)
        }
        guard let header = cl_header_open(file.descriptor) else {
            throw PluginError("cannot work with a LUKS2 header", SystemError(errno))
        }
        (self.file, self.size, self.header) = (file, size, header)
    }

    deinit { cl_header_close(header) }

    private static func memory(_ size: UInt64) throws(PluginError) -> HostFile {
        do throws(SystemError) {
            let file = try HostFile(inMemory: "skiff-luks2")
            try Host.setLength(file.descriptor, Int64(clamping: size))
            return file
        } catch {
            throw PluginError("cannot hold a LUKS2 header in memory", error)
        }
    }

    private static func failure(_ what: String, _ status: Int32) -> PluginError {
        let reason = String(cString: cl_reason())
        return PluginError(
            "cannot \(what)" + (reason.isEmpty ? "" : ": \(reason)"), errno: -status, status: SKIFF_E_SYSTEM)
    }

    /// Adds a slot that the secret opens, in the first free place.
    ///
    /// - Returns: its number.
    @discardableResult
    package func add(_ secret: SecretBytes, _ costs: Costs, volumeKey: SecretBytes) throws(PluginError) -> Int {
        var plan = cl_costs(memory: costs.memory, passes: costs.passes, lanes: costs.lanes)
        let status = secret.withBytes { secret in
            volumeKey.withBytes { key in
                cl_add(
                    header, Int32(CL_ANY_SLOT), key.baseAddress?.assumingMemoryBound(to: UInt8.self), key.count,
                    secret.baseAddress?.assumingMemoryBound(to: UInt8.self), secret.count, &plan)
            }
        }
        guard status >= 0 else { throw Self.failure("add a key to the LUKS2 header", status) }
        return Int(status)
    }

    /// Takes a slot away and overwrites the key in it.
    package func remove(_ slot: Int) throws(PluginError) {
        let status = cl_remove(header, Int32(clamping: slot))
        guard status >= 0 else { throw Self.failure("remove the key slot \(slot)", status) }
    }

    /// Returns the volume key, and the slot of these that the secret opens; nil when it opens none.
    package func unlock(_ secret: SecretBytes, _ slots: [Int]) throws(PluginError) -> (key: SecretBytes, slot: Int)? {
        let key = try SecretBytes(count: LUKSHeader.keySize)
        for slot in slots {
            var count = key.count
            let status = secret.withBytes { secret in
                key.withMutableBytes { key in
                    cl_unlock(
                        header, Int32(clamping: slot), secret.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        secret.count, key.baseAddress?.assumingMemoryBound(to: UInt8.self), &count)
                }
            }
            if status == -EPERM || status == -ENOENT { continue }
            guard status >= 0 else { throw Self.failure("open the key slot \(slot)", status) }
            guard count == key.count else {
                throw PluginError("cannot open the key slot \(slot): its key has \(count * 8) bits")
            }
            return (key, slot)
        }
        return nil
    }

    /// Writes the header to the start of a partition.
    package func write(to descriptor: Int32, at offset: UInt64) throws(PluginError) {
        do throws(SystemError) {
            // Every byte: what is zero here may be something else there.
            var place: UInt64 = 0
            while place < size {
                let bytes = try Host.read(file.descriptor, at: Int64(place), count: Int(min(size - place, 1 << 20)))
                guard !bytes.isEmpty else { throw SystemError(EIO) }
                try Host.write(bytes, to: descriptor, at: Int64(clamping: offset + place))
                place += UInt64(bytes.count)
            }
        } catch {
            throw PluginError("cannot write the LUKS2 header", error)
        }
    }
}
