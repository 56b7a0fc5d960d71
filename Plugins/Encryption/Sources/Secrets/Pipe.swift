import Glibc
import PluginAPI
import PluginKit

/// A pipe whose bytes are never on a disk; pipe(2).
final class Pipe {
    let reading: Int32
    let writing: Int32

    /// What a pipe takes without a reader, in bytes.
    private static let room = VolumeSecret.longest

    init() throws(PluginError) {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw PluginError("cannot make a pipe", SystemError(errno)) }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        closeWriting()
    }

    private var isClosed = false

    private func closeWriting() {
        if !isClosed { close(writing) }
        isClosed = true
    }

    /// Writes a secret, and nothing more.
    func fill(_ secret: SecretBytes) throws(PluginError) {
        guard secret.count <= Self.room else {
            throw PluginError("cannot use a key of \(secret.count) bytes: \(Self.room) are the most")
        }
        let written = secret.withBytes { write(writing, $0.baseAddress, $0.count) }
        guard written == secret.count else { throw PluginError("cannot hand a key over", SystemError(errno)) }
        closeWriting()
    }

    /// Returns so many bytes, which somebody has written.
    func take(_ count: Int) throws(PluginError) -> SecretBytes {
        let result = try SecretBytes(count: count)
        // What was not written is an end, and not waited for.
        closeWriting()
        let got = result.withMutableBytes { read(reading, $0.baseAddress, $0.count) }
        guard got == count else {
            throw PluginError("cannot take the volume key: it does not have \(count) bytes", status: SKIFF_E_SYSTEM)
        }
        return result
    }

    /// Returns what somebody has written who has ended.
    func takeAll(atMost count: Int) throws(PluginError) -> SecretBytes {
        let result = try SecretBytes(count: count)
        closeWriting()
        let got = result.withMutableBytes { read(reading, $0.baseAddress, $0.count) }
        guard got >= 0 else { throw PluginError("cannot take a key over", SystemError(errno)) }
        return try result.prefix(got)
    }
}
