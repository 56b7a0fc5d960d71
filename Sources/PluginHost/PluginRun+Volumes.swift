package import Base
package import Core
import Linux
import PluginAPI

extension PluginRun {
    package func unlock(_ volume: EncryptedVolume, of path: String, file: Int32) throws(SkiffError) -> UnlockedVolume {
        var messages: [(id: UInt32, bytes: [UInt8])] = []
        for message in volume.messages.prefix(64) {
            let size = Int(clamping: message.range.size)
            guard size <= KeySource.longest else { continue }
            let bytes = try during("cannot read object \(message.id) of \(path)") { () throws(Errno) in
                try readBytes(file, at: message.range.offset, count: size)
            }
            messages.append((message.id, bytes))
        }
        let key = LentKey(sessions.first?.facts.keySource, for: .opening)
        guard key.hasSource else {
            throw SkiffError(
                "cannot open \(path): it is encrypted, and there is no key",
                hint: "Give --passphrase, or --pem-path with the private key")
        }
        for session in sessions {
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
            // Until the volume has been handed over and ends.
            try hideProcess()
            return UnlockedVolume(
                plugin: session.plugin.manifest.id,
                file: try during("cannot make a file in memory") { () throws(Errno) in try kept.sealedFile("skiff-key")
                })
        }
        throw SkiffError(
            "cannot open \(path): no plugin here knows its kind of encryption, \(volume.label)",
            hint: "See skiff plugin list")
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
