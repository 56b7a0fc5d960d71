package import Base
package import Core
package import Linux
import PluginAPI

extension PluginRun {
    package func unlock(_ volume: EncryptedVolume, of path: String, file: Int32) throws(SkiffError) -> UnlockedVolume {
        let key = LentKey(sessions.first?.facts.keySource, for: .opening)
        guard let (session, kept) = try sessions.unlock(volume, of: path, file: file, with: key) else {
            throw SkiffError(
                "cannot open \(path): no plugin here knows its kind of encryption, \(volume.label)",
                hint: "See skiff plugin list")
        }
        // Until the volume has been handed over and ends.
        try hideProcess()
        return UnlockedVolume(
            plugin: session.plugin.manifest.id,
            file: try during("cannot make a file in memory") { () throws(Errno) in try kept.sealedFile("skiff-key") })
    }
}

extension [Session] {
    /// Has the first plugin that knows the volume open it.
    /// - Returns: what it has kept; nil when none knows it.
    func unlock(_ volume: EncryptedVolume, of path: String, file: Int32, with key: LentKey) throws(SkiffError)
        -> (session: Session, kept: SecretMemory)?
    {
        var messages: [(id: UInt32, bytes: [UInt8])] = []
        for message in volume.messages.prefix(64) {
            let size = Int(clamping: message.range.size)
            guard size <= KeySource.longest else { continue }
            let bytes = try during("cannot read object \(message.id) of \(path)") { () throws(Errno) in
                try readBytes(file, at: message.range.offset, count: size)
            }
            messages.append((message.id, bytes))
        }
        guard key.hasSource else {
            throw SkiffError(
                "cannot open \(path): it is encrypted, and there is no key",
                hint: "Give --passphrase, or --pem-path with the private key")
        }
        for session in self {
            guard let slot = session.plugin.crypto.unlock else { continue }
            try ProcessCare.current?.renew(ownsChildren: false)
            (session.key, session.keepsVolume) = (key, true)
            defer { (session.key, session.keepsVolume, session.kept) = (nil, false, nil) }
            let status = try session.unlocking { () throws(SkiffError) in
                try session.plugin.call("crypto unlock") {
                    withRequest(volume, path, file, messages) {
                        slot(session.plugin.object, session.pointer, $0)
                    }
                }
            }
            try session.plugin.manifest.lookAtProcess(after: "crypto unlock")
            if status == SKIFF_DECLINED { continue }
            guard let kept = session.kept else {
                throw session.plugin.manifest.failure("crypto unlock", "it has kept nothing to read \(path) with")
            }
            return (session, kept)
        }
        return nil
    }
}

extension PluginRun {
    package func describe(
        _ volume: EncryptedVolume, _ unlocked: UnlockedVolume, of path: String, file: Int32,
        to use: (CryptTable) throws(SkiffError) -> Void
    ) throws(SkiffError) -> Bool {
        guard let session = sessions.first(where: { $0.plugin.manifest.id == unlocked.plugin }),
            session.plugin.crypto.describe != nil
        else { return false }
        let kept = try during("cannot take the key over") { () throws(Errno) in
            try SecretMemory(ofSealed: unlocked.descriptor, limit: longestKept)
        }
        try ProcessCare.current?.renew(ownsChildren: false)
        let answer = Result { () throws(SkiffError) in
            try VolumeDescription.ask(session.plugin, volume, path, file, kept, use)
        }
        try session.plugin.manifest.lookAtProcess(after: "crypto describe")
        return try answer.get()
    }
}

/// One question of `describe`.
struct VolumeDescription {
    private let volume: EncryptedVolume
    private let use: (CryptTable) throws(SkiffError) -> Void
    private var count = 0
    private var failure: SkiffError?

    /// - Returns: false when the plugin says that the kernel cannot decrypt the volume.
    static func ask(
        _ plugin: LoadedPlugin, _ volume: EncryptedVolume, _ path: String, _ file: Int32, _ kept: SecretMemory,
        _ use: (CryptTable) throws(SkiffError) -> Void
    ) throws(SkiffError) -> Bool {
        guard let slot = plugin.crypto.describe else { return false }
        // The plugin calls back before it returns, and never again.
        return try withoutActuallyEscaping(use) { (use) throws(SkiffError) in
            var question = VolumeDescription(volume: volume, use: use)
            let status: Int32
            do throws(SkiffError) {
                status = try withUnsafeMutablePointer(to: &question) { (question) throws(SkiffError) in
                    try plugin.call("crypto describe") {
                        withRequest(volume, path, file) {
                            slot(
                                plugin.object, $0, kept.bytes.baseAddress, UInt64(kept.count),
                                { context, mapping in
                                    guard let context, let mapping else { return SKIFF_E_INVALID }
                                    return context.assumingMemoryBound(to: VolumeDescription.self).pointee.take(mapping)
                                }, question)
                        }
                    }
                }
            } catch {
                throw question.failure ?? error
            }
            if let failure = question.failure { throw failure }
            if status == SKIFF_DECLINED { return false }
            guard question.count == 1 else {
                throw plugin.manifest.failure("crypto describe", "it has described the volume \(question.count) times")
            }
            return true
        }
    }

    private init(volume: EncryptedVolume, use: @escaping (CryptTable) throws(SkiffError) -> Void) {
        (self.volume, self.use) = (volume, use)
    }

    private mutating func take(_ mapping: UnsafePointer<skiff_crypto_mapping>) -> Int32 {
        count += 1
        guard count == 1, failure == nil else { return SKIFF_E_INVALID }
        do throws(SkiffError) {
            guard let table = CryptTable(mapping, of: volume) else {
                throw SkiffError("cannot decrypt the volume: its description cannot be")
            }
            try use(table)
            return SKIFF_OK
        } catch {
            failure = error
            return SKIFF_E_SYSTEM
        }
    }
}

extension CryptTable {
    /// The key is lent by the plugin.
    fileprivate init?(_ pointer: UnsafePointer<skiff_crypto_mapping>, of volume: EncryptedVolume) {
        guard let mapping = readTable(UnsafeRawPointer(pointer), into: skiff_crypto_mapping()),
            let cipher = text(mapping.cipher), let key = mapping.key, let count = Int(exactly: mapping.key_size),
            let offset = Int64(exactly: mapping.offset), let size = Int64(exactly: mapping.size)
        else { return nil }
        let place = volume.range.offset.addingReportingOverflow(offset)
        guard !place.overflow else { return nil }
        self.init(
            cipher: cipher, key: UnsafeRawBufferPointer(start: key, count: count),
            sectorSize: Int(mapping.sector_size), tweakOffset: mapping.iv_offset,
            range: ByteRange(offset: place.partialValue, size: size), within: volume.range)
    }
}

extension Session {
    /// Runs a call during which this process holds keys: no process of the same user may look into it.
    fileprivate func unlocking(_ body: () throws(SkiffError) -> Int32) throws(SkiffError) -> Int32 {
        try hideProcess()
        // As it was before the call of the plugin, which answers for what the process is after it.
        defer { try? setDumpable(true) }
        return try during(.started, body)
    }
}

/// Passes a volume as plugins see it.
func withRequest<Result>(
    _ volume: EncryptedVolume, _ path: String, _ file: Int32, _ messages: [(id: UInt32, bytes: [UInt8])] = [],
    _ body: (UnsafePointer<skiff_crypto_request>) -> Result
) -> Result {
    var request = skiff_crypto_request()
    request.struct_size = UInt32(MemoryLayout<skiff_crypto_request>.size)
    request.fd = file
    (request.offset, request.size) = (UInt64(clamping: volume.range.offset), UInt64(clamping: volume.range.size))
    request.filesystem = UInt32(bitPattern: volume.filesystem.rawValue)
    request.message_size = UInt64(MemoryLayout<skiff_crypto_message>.stride)
    request.message_count = UInt64(messages.count)
    let block = messages.flatMap(\.bytes)
    return block.withUnsafeBytes { block in
        var offset = 0
        let list = messages.map { message in
            defer { offset += message.bytes.count }
            return skiff_crypto_message(
                bytes: block.baseAddress?.advanced(by: offset), size: UInt64(message.bytes.count), id: message.id,
                reserved: 0)
        }
        return list.withUnsafeBufferPointer { list in
            path.withCString { path in
                (request.messages, request.path) = (messages.isEmpty ? nil : list.baseAddress, path)
                return withUnsafePointer(to: request) { body($0) }
            }
        }
    }
}

/// While a process holds keys, it leaves no core file, and no process of the same user may look into it.
func hideProcess() throws(SkiffError) {
    try during("cannot hide the memory of the process") { () throws(Errno) in try setDumpable(false) }
}
