import COpenSSL
import Glibc
package import PluginKit
import Synchronization

/// Bytes that nobody else may see: a passphrase or a key. Their memory has pages of its own, which no core dump has, is locked
/// where RLIMIT_MEMLOCK allows that, and is wiped with the last reference.
package final class SecretBytes: @unchecked Sendable {
    package let count: Int
    /// Whether the memory is kept out of swap.
    package let isLocked: Bool
    private let place: UnsafeMutableRawPointer
    private let room: Int

    /// Zeros.
    package init(count: Int) throws(PluginError) {
        var isLocked: CInt = 0
        guard count >= 0, let place = ce_secret_allocate(count, &isLocked) else {
            throw PluginError("cannot keep a secret of \(count) bytes", SystemError(count < 0 ? EINVAL : errno))
        }
        (self.count, room, self.place, self.isLocked) = (count, count, place, isLocked != 0)
        if !self.isLocked, !Self.hasWarned.exchange(true, ordering: .relaxed) {
            Kit.log(.warning, "Keys may be swapped out to a disk: the limit of locked memory is too low (ulimit -l)")
        }
    }

    /// The user is told once.
    private static let hasWarned = Atomic<Bool>(false)

    package convenience init(copying bytes: UnsafeRawBufferPointer) throws(PluginError) {
        try self.init(count: bytes.count)
        withMutableBytes { $0.copyMemory(from: bytes) }
    }

    /// Random bytes of the kernel.
    package convenience init(random count: Int) throws(PluginError) {
        try self.init(count: count)
        guard withMutableBytes({ Crypto.fill($0) }) else {
            throw PluginError("cannot make random bytes", SystemError(errno))
        }
    }

    deinit { ce_secret_free(place, room) }

    /// The bytes are lent for the call.
    package func withBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: place, count: count))
    }

    package func withMutableBytes<Result, Failure>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeMutableRawBufferPointer(start: place, count: count))
    }

    /// Returns what follows the first bytes as a secret of its own.
    func dropFirst(_ count: Int) throws(PluginError) -> SecretBytes {
        try withBytes { bytes throws(PluginError) in
            try SecretBytes(copying: UnsafeRawBufferPointer(rebasing: bytes.dropFirst(count)))
        }
    }

    /// Returns the first bytes as a secret of its own.
    package func prefix(_ count: Int) throws(PluginError) -> SecretBytes {
        try withBytes { bytes throws(PluginError) in
            try SecretBytes(copying: UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
        }
    }
}
