import PluginAPI
import PluginKit

/// `skiff.crypto/2`.
enum CryptoTable {
    /// Returns the table, which lives as long as the process.
    static func make() -> UnsafeRawPointer {
        var table = skiff_crypto()
        table.struct_size = UInt32(MemoryLayout<skiff_crypto>.size)
        table.unlock = { _, session, request in
            Kit.run(session) { (session) throws(PluginError) in
                guard let request = request?.pointee else { return SKIFF_E_INVALID }
                return try VolumeRequest(request).unlock(session)
            }
        }
        table.describe = { _, request, kept, count, answer, context in
            Self.describe(
                request?.pointee, UnsafeRawBufferPointer(start: kept, count: Int(clamping: count)), answer, context)
        }
        table.resume = { _, request, kept, count, out in
            Kit.run { () throws(PluginError) in
                let bytes = UnsafeRawBufferPointer(start: kept, count: Int(clamping: count))
                guard let descriptor = request?.pointee.fd, let out, let volume = try KeptVolume(bytes) else {
                    throw PluginError(
                        "cannot read the image: what was kept of its key is damaged", status: SKIFF_E_INTERNAL)
                }
                out.pointee = OpaquePointer(
                    Unmanaged.passRetained(try OpenVolume(volume, descriptor)).toOpaque())
            }
        }
        table.volume_size = { _, volume in Self.open(volume)?.size ?? 0 }
        table.read_block = { _, volume, offset, buffer, count in
            guard let volume = Self.open(volume), let buffer, let count = Int(exactly: count) else {
                return SKIFF_E_INVALID
            }
            return volume.read(UnsafeMutableRawBufferPointer(start: buffer, count: count), at: offset)
        }
        table.close = { _, volume in
            guard let volume else { return }
            Unmanaged<OpenVolume>.fromOpaque(UnsafeRawPointer(volume)).release()
        }
        WritingTable.fill(&table)
        return Kit.table(table)
    }

    private static func open(_ volume: OpaquePointer?) -> OpenVolume? {
        volume.map { Unmanaged<OpenVolume>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
    }

    private static func describe(
        _ request: skiff_crypto_request?, _ kept: UnsafeRawBufferPointer, _ answer: skiff_crypto_mapping_fn?,
        _ context: UnsafeMutableRawPointer?
    ) -> Int32 {
        var status = SKIFF_OK
        let failed = Kit.run { () throws(PluginError) in
            guard let request, let answer, let volume = try KeptVolume(kept) else {
                throw PluginError(
                    "cannot describe the volume: what was kept of its key is damaged", status: SKIFF_E_INTERNAL)
            }
            guard case .sectors(let size, let tweak) = volume.kind else {
                status = SKIFF_DECLINED
                return
            }
            var mapping = skiff_crypto_mapping()
            mapping.struct_size = UInt32(MemoryLayout<skiff_crypto_mapping>.size)
            mapping.sector_size = UInt32(size)
            (mapping.offset, mapping.size, mapping.iv_offset) = (volume.place - request.offset, volume.size, tweak)
            status = volume.key.withBytes { key in
                (mapping.key, mapping.key_size) = (key.baseAddress, UInt64(key.count))
                return LUKSHeader.cipher.withCString { cipher in
                    mapping.cipher = cipher
                    return answer(context, &mapping)
                }
            }
        }
        return failed < 0 ? failed : status
    }
}

/// A volume that is to be opened, as the host asks.
struct VolumeRequest {
    private let path: String
    private let filesystem: UInt32
    private let part: FilePart
    /// The objects with wrapped keys.
    private let messages: [UnsafeRawBufferPointer]

    init(_ request: skiff_crypto_request) {
        path = request.path.map { String(cString: $0) } ?? "the image"
        filesystem = request.filesystem
        part = FilePart(descriptor: request.fd, offset: request.offset, size: request.size)
        var messages: [UnsafeRawBufferPointer] = []
        if let first = request.messages, request.message_size >= UInt64(MemoryLayout<skiff_crypto_message>.size) {
            for index in 0..<Int(clamping: min(request.message_count, 64)) {
                let place = UnsafeRawPointer(first).advanced(by: index * Int(clamping: request.message_size))
                let message = place.loadUnaligned(as: skiff_crypto_message.self)
                messages.append(UnsafeRawBufferPointer(start: message.bytes, count: Int(clamping: message.size)))
            }
        }
        self.messages = messages
    }

    func unlock(_ session: Session) throws(PluginError) -> Int32 {
        let volume: KeptVolume
        switch filesystem {
        case 5:
            volume = try LUKSUnlocking(session: session, path: path, part: part).unlock { () throws(PluginError) in
                try secret(session)
            }
        case 6:
            volume = try GocryptfsUnlocking(path: path, part: part).unlock { () throws(PluginError) in
                try secret(session)
            }
        default: return SKIFF_DECLINED
        }
        try volume.withBytes { (bytes) throws(PluginError) in try session.keep(bytes) }
        return SKIFF_OK
    }

    /// Returns what opens the volume: a passphrase, or the secret that a private key unwraps.
    private func secret(_ session: Session) throws(PluginError) -> SecretBytes {
        let unwrapped = try session.borrow("pem") { (text) throws(PluginError) in
            try unwrap(try PrivateKey(session, text))
        }
        if let unwrapped { return unwrapped }
        let passphrase = try session.borrow("passphrase") { (bytes) throws(PluginError) in
            try SecretBytes(copying: bytes)
        }
        guard let passphrase else {
            throw PluginError(
                "cannot open \(path): it is encrypted, and there is no key\nGive --passphrase, or --pem-path with the private key",
                status: SKIFF_E_DENIED)
        }
        return passphrase
    }

    private func unwrap(_ key: PrivateKey) throws(PluginError) -> SecretBytes {
        guard !messages.isEmpty else {
            throw PluginError(
                "cannot open \(path) with a PEM key: it has no key that was wrapped for one\nGive --passphrase",
                status: SKIFF_E_DENIED)
        }
        var wrapped: [[UInt8]] = []
        var failure: PluginError?
        for message in messages {
            do throws(PluginError) {
                wrapped.append(try KeyMessage.wrapped(in: message))
            } catch {
                failure = error
            }
        }
        if wrapped.isEmpty, let failure { throw failure }
        return try key.unwrap(wrapped).secret
    }
}
