import Glibc
import PluginAPI
import PluginKit

/// The slots of `skiff.crypto/2` that write volumes.
enum WritingTable {
    /// What a `skiff_crypto_writer *` points to.
    private final class Handle {
        let writer: any VolumeWriter
        /// What `skiff_crypto_format` points to.
        let message: UnsafeMutableBufferPointer<UInt8>

        init(_ writer: any VolumeWriter, message: [UInt8]?) {
            self.writer = writer
            self.message = .allocate(capacity: message?.count ?? 0)
            _ = self.message.initialize(from: message ?? [])
        }

        deinit { message.deallocate() }

        static func at(_ pointer: OpaquePointer?) -> Handle? {
            pointer.map { Unmanaged<Handle>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
        }

        /// Takes over what `format` gave out.
        static func end(_ pointer: OpaquePointer?) -> Handle? {
            pointer.map { Unmanaged<Handle>.fromOpaque(UnsafeRawPointer($0)).takeRetainedValue() }
        }
    }

    static func fill(_ table: inout skiff_crypto) {
        table.format = { _, session, target, answer, out in
            Kit.run(session) { (session) throws(PluginError) in
                guard let target, let answer, let out else {
                    throw PluginError("cannot write a volume without a place")
                }
                return try WritingTable.format(session, target.pointee, &answer.pointee, &out.pointee)
            }
        }
        table.write_block = { _, writer, offset, bytes, count in
            WritingTable.transfer { () throws(SystemError) in
                let bytes = UnsafeRawBufferPointer(start: bytes, count: Int(clamping: count))
                try Handle.at(writer)?.writer.write(bytes, at: offset)
            }
        }
        table.read_back = { _, writer, offset, buffer, count in
            WritingTable.transfer { () throws(SystemError) in
                let buffer = UnsafeMutableRawBufferPointer(start: buffer, count: Int(clamping: count))
                try Handle.at(writer)?.writer.read(into: buffer, at: offset)
            }
        }
        table.finish = { _, session, writer, plainSize, size in
            let handle = Handle.end(writer)
            return Kit.run(session) { (_) throws(PluginError) in
                guard let handle, let size else { throw PluginError("cannot finish a volume that nobody writes") }
                size.pointee = try handle.writer.finish(plainSize: plainSize)
                return SKIFF_OK
            }
        }
        table.abort = { _, writer in _ = Handle.end(writer) }
    }

    private static func format(
        _ session: Session, _ target: skiff_crypto_target, _ answer: inout skiff_crypto_format,
        _ out: inout OpaquePointer?
    ) throws(PluginError) -> Int32 {
        let wanted = target.filesystem == 0 ? VolumeFilesystem.luks.rawValue : target.filesystem
        guard let kind = VolumeFilesystem(rawValue: wanted) else { return SKIFF_DECLINED }
        let secret = try secret(session, for: kind)
        let place = VolumePlace(descriptor: target.fd, offset: target.offset)
        let writer: any VolumeWriter =
            switch kind {
            case .luks: try LUKSWriter(place, secret)
            case .gocryptfs: try GocryptfsWriter(place, secret)
            }
        let handle = Handle(writer, message: secret.message)
        (answer.filesystem, answer.block_size) = (writer.filesystem, UInt32(writer.blockSize))
        if !handle.message.isEmpty {
            (answer.message, answer.message_size) = (
                UnsafeRawPointer(handle.message.baseAddress), UInt64(handle.message.count)
            )
        }
        out = OpaquePointer(Unmanaged.passRetained(handle).toOpaque())
        return SKIFF_OK
    }

    private static func secret(_ session: Session, for kind: VolumeFilesystem) throws(PluginError) -> VolumeSecret {
        let wrapped = try session.borrow("pem") { (text) throws(PluginError) in
            try VolumeSecret(wrappedBy: try RSAKey(publicKey: text, name: "for the image"), for: kind)
        }
        if let wrapped { return wrapped }
        let passphrase = try session.borrow("passphrase") { (bytes) throws(PluginError) in
            try VolumeSecret(passphrase: try SecretBytes(copying: bytes))
        }
        guard let passphrase else {
            throw PluginError(
                "cannot encrypt the image: there is no key\nGive --passphrase, or --pem-path with the public key")
        }
        return passphrase
    }

    /// - Returns: the status; errno tells why it is `SKIFF_E_SYSTEM`.
    private static func transfer(_ body: () throws(SystemError) -> Void) -> Int32 {
        do throws(SystemError) {
            try body()
            return SKIFF_OK
        } catch {
            let status = error == SystemError(EBADMSG) ? SKIFF_E_INVALID : SKIFF_E_SYSTEM
            errno = error.number
            return status
        }
    }
}
