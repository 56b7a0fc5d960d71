import Base
import Core
import Linux
import PluginAPI

/// Hands volumes to a plugin that are none, and kept bytes that it has not kept; where it can write, it also writes a volume, opens
/// it and compares what it reads.
struct VolumeCheck {
    private let checker: Checker
    private let session: Session
    private var crypto: skiff_crypto { session.plugin.crypto }

    /// The checker gives this key.
    private static let passphrase = Array("a passphrase of the checker".utf8)

    /// - Returns: nil for a plugin without such volumes.
    init?(_ checker: Checker) throws(SkiffError) {
        guard checker.manifest.extensions.contains(SKIFF_EXT_CRYPTO) else { return nil }
        self.checker = checker
        var facts = SessionFacts(request: Request(action: .exec, image: ""), installation: try Installation.current())
        facts.command = "check"
        session = Session(
            plugin: try Loader(directory: checker.directory, trust: Trust(isPrivileged: false)).load(checker.manifest),
            facts: facts)
    }

    func hostile() throws(SkiffError) -> CheckTest.Verdict {
        let heads: [[UInt8]] = [
            [], [0], Array("LUKS".utf8) + [0xBA, 0xBE, 0, 2] + [UInt8](repeating: 0xFF, count: 8184),
            Array("hsqs".utf8) + [UInt8](repeating: 0xFF, count: 4092), [UInt8](repeating: 0xA5, count: 65536),
        ]
        for kind: Int32 in [5, 6, 99] {
            for (index, head) in heads.enumerated() {
                let name = "volume \(index) of kind \(kind)"
                let file = try during("cannot make a file") { () throws(Errno) in try makeMemoryFile("check", head) }
                let volume = EncryptedVolume(
                    filesystem: SIFFilesystem(rawValue: kind), range: ByteRange(offset: 0, size: Int64(head.count)))
                do throws(SkiffError) {
                    if let kept = try unlock(volume, file.raw, [(1, head)]) {
                        let copy = try during("cannot copy a descriptor") { () throws(Errno) in try file.duplicate() }
                        try ResumedVolume(volume, copy, session.plugin, kept).close()
                        return (.failed, "it opens \(name)")
                    }
                } catch {
                    if session.plugin.failedSilently { return (.failed, "it gives no reason for \(name)") }
                }
                do throws(SkiffError) {
                    let copy = try during("cannot copy a descriptor") { () throws(Errno) in try file.duplicate() }
                    let opened = try ResumedVolume(volume, copy, session.plugin, try memory(head.isEmpty ? [1] : head))
                    opened.close()
                    return (.failed, "it resumes \(name) with bytes that it has not kept")
                } catch {
                    if session.plugin.failedSilently { return (.failed, "it gives no reason not to resume \(name)") }
                }
                do throws(SkiffError) {
                    let kept = try memory(head.isEmpty ? [1] : head)
                    if try VolumeDescription.ask(session.plugin, volume, "check", file.raw, kept, { _ in }) {
                        return (.failed, "it describes \(name) by bytes that it has not kept")
                    }
                } catch {
                    if session.plugin.failedSilently { return (.failed, "it gives no reason not to describe \(name)") }
                }
            }
        }
        return (.success, "")
    }

    /// - Returns: what was kept; nil for a volume that is not the plugin's.
    private func unlock(
        _ volume: EncryptedVolume, _ file: CInt, _ messages: [(id: UInt32, bytes: [UInt8])] = []
    ) throws(SkiffError) -> SecretMemory? {
        (session.key, session.keepsVolume) = (LentKey(passphrase: try memory(Self.passphrase)), true)
        defer { (session.key, session.keepsVolume, session.kept) = (nil, false, nil) }
        guard let slot = crypto.unlock else { return nil }
        var status: Int32 = 0
        try session.during(.started) { () throws(SkiffError) in
            status = try session.plugin.call("crypto unlock") {
                withRequest(volume, "check", file, messages) { slot(session.plugin.object, session.pointer, $0) }
            }
        }
        return status == SKIFF_OK ? session.kept : nil
    }

    private func memory(_ bytes: [UInt8]) throws(SkiffError) -> SecretMemory {
        try during("cannot lock memory") { () throws(Errno) in
            let memory = try SecretMemory(capacity: bytes.count)
            memory.room.copyBytes(from: bytes.prefix(longestKept))
            memory.count = min(bytes.count, longestKept)
            return memory
        }
    }

    /// Of a size that ends within a block, in bytes.
    private static let size = 300_001

    func roundTrip() throws(SkiffError) -> CheckTest.Verdict {
        guard crypto.format != nil else { return (.skipped, "it does not write volumes") }
        let plain = (0..<Self.size).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
        for kind: UInt32 in [5, 6] {
            let file = try during("cannot make a file") { () throws(Errno) in try makeMemoryFile("check", []) }
            guard let size = try write(plain, kind, file.raw) else { continue }
            let volume = EncryptedVolume(
                filesystem: SIFFilesystem(rawValue: Int32(kind)),
                range: ByteRange(offset: 4096, size: Int64(clamping: size)))
            guard let kept = try unlock(volume, file.raw) else {
                return (.failed, "it does not open a volume of kind \(kind) that it has written")
            }
            let copy = try during("cannot copy a descriptor") { () throws(Errno) in try file.duplicate() }
            let opened = try ResumedVolume(volume, copy, session.plugin, kept)
            defer { opened.close() }
            var described: Int64?
            _ = try VolumeDescription.ask(session.plugin, volume, "check", file.raw, kept) { described = $0.range.size }
            if let described, UInt64(described) != opened.size {
                return (.failed, "it describes a volume of \(described) bytes, and opens \(opened.size)")
            }
            guard opened.size >= UInt64(plain.count) else {
                return (.failed, "it has written \(plain.count) bytes, and opens \(opened.size)")
            }
            for (offset, count) in [(0, Self.size), (0, 1), (511, 2), (4095, 4097), (100_000, 131_072), (299_999, 2)] {
                let room = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
                defer { room.deallocate() }
                let got = try during("cannot read the volume of kind \(kind)") { () throws(Errno) in
                    try opened.read(into: room, at: UInt64(offset))
                }
                guard got == count, room.elementsEqual(plain[offset..<offset + count]) else {
                    return (.failed, "it reads other bytes than it has written, at \(offset) in kind \(kind)")
                }
            }
        }
        return (.success, "")
    }

    /// - Returns: what the volume takes; nil for a kind that it does not write.
    private func write(_ plain: [UInt8], _ kind: UInt32, _ file: CInt) throws(SkiffError) -> UInt64? {
        guard let format = crypto.format, let write = crypto.write_block, let finish = crypto.finish else { return nil }
        session.key = LentKey(passphrase: try memory(Self.passphrase))
        defer { session.key = nil }
        var target = skiff_crypto_target()
        target.struct_size = UInt32(MemoryLayout<skiff_crypto_target>.size)
        (target.fd, target.offset, target.plain_limit, target.filesystem) = (file, 4096, UInt64(plain.count), kind)
        var answer = skiff_crypto_format()
        answer.struct_size = UInt32(MemoryLayout<skiff_crypto_format>.size)
        var writer: OpaquePointer?
        var size: UInt64 = 0
        var status: Int32 = 0
        let object = session.plugin.object
        try session.during(.started) { () throws(SkiffError) in
            status = try session.plugin.call("crypto format") {
                "check".withCString { path in
                    target.path = path
                    return format(object, session.pointer, &target, &answer, &writer)
                }
            }
            guard status == SKIFF_OK, let writer else { return }
            let block = Int(answer.block_size)
            guard block.nonzeroBitCount == 1, (512...65536).contains(block) else {
                throw SkiffError("it wants blocks of \(block) bytes")
            }
            // The last one first: blocks may come in any order, and twice.
            for start in stride(from: 0, to: plain.count, by: block).reversed() + [0] {
                try session.plugin.call("crypto write_block") {
                    plain[start..<min(start + block, plain.count)].withUnsafeBytes {
                        write(object, writer, UInt64(start), $0.baseAddress, UInt64($0.count))
                    }
                }
            }
            try session.plugin.call("crypto finish") {
                finish(object, session.pointer, writer, UInt64(plain.count), &size)
            }
        }
        return status == SKIFF_DECLINED ? nil : size
    }
}
