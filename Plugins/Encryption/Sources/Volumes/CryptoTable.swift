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
                guard let request = request?.pointee, let out else { throw Self.noRequest }
                let volume = try VolumeRequest(request).open(bytes)
                out.pointee = OpaquePointer(
                    Unmanaged.passRetained(try OpenVolume(volume, request.fd)).toOpaque())
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

    private static let noRequest = PluginError("cannot open a volume: there is no request", status: SKIFF_E_INVALID)

    private static func open(_ volume: OpaquePointer?) -> OpenVolume? {
        volume.map { Unmanaged<OpenVolume>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
    }

    private static func describe(
        _ request: skiff_crypto_request?, _ kept: UnsafeRawBufferPointer, _ answer: skiff_crypto_mapping_fn?,
        _ context: UnsafeMutableRawPointer?
    ) -> Int32 {
        var status = SKIFF_OK
        let failed = Kit.run { () throws(PluginError) in
            guard let request, let answer else { throw noRequest }
            guard request.filesystem == VolumeFilesystem.luks.rawValue else {
                status = SKIFF_DECLINED
                return
            }
            let volume = try VolumeRequest(request).open(kept)
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

    /// Leaves the secret of the user for `open`.
    func unlock(_ session: Session) throws(PluginError) -> Int32 {
        guard VolumeFilesystem(rawValue: filesystem) != nil else { return SKIFF_DECLINED }
        // A build uses libcrypto for other things, too.
        if try session.text("command") == "build" { try Crypto.open() }
        let kept = try secret(session)
        if try kept.withBytes(session.keep) == nil {
            _ = try KeptSecret.secret(try kept.unwrapped()).withBytes(session.keep)
        }
        return SKIFF_OK
    }

    private func secret(_ session: Session) throws(PluginError) -> KeptSecret {
        let key = try session.borrow("pem") { (text) throws(PluginError) in
            let wrapped = try wrappedSecrets()
            guard let token = try TokenKey(session, text) else {
                return KeptSecret.key(try SecretBytes(copying: text), wrapped: wrapped)
            }
            return .secret(try token.unwrap(wrapped).secret)
        }
        if let key { return key }
        let passphrase = try session.borrow("passphrase") { (bytes) throws(PluginError) in
            try SecretBytes(copying: bytes)
        }
        guard let passphrase else {
            throw PluginError(
                "cannot open \(path): it is encrypted, and there is no key\nGive --passphrase, or --pem-path with the private key",
                status: SKIFF_E_DENIED)
        }
        return .secret(passphrase)
    }

    /// Returns what was wrapped for private keys.
    /// - Throws: when there is none.
    private func wrappedSecrets() throws(PluginError) -> [[UInt8]] {
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
        return wrapped
    }

    /// Opens the volume with what `unlock` has left.
    func open(_ bytes: UnsafeRawBufferPointer) throws(PluginError) -> OpenedVolume {
        try Crypto.open(isAlone: true)
        guard let kept = try KeptSecret(bytes), let kind = VolumeFilesystem(rawValue: filesystem) else {
            throw PluginError("cannot open \(path): what was kept of its key is damaged", status: SKIFF_E_INTERNAL)
        }
        let secret = try kept.unwrapped()
        switch kind {
        case .luks: return try LUKSUnlocking(path: path, part: part).unlock(secret)
        case .gocryptfs: return try GocryptfsUnlocking(path: path, part: part).unlock(secret)
        }
    }
}
