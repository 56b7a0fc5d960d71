import Glibc
package import PluginKit

/// Writes a squashfs as Apptainer's builds of ordinary users have it: a file that gocryptfs encrypts, and its configuration, in
/// another squashfs.
package final class GocryptfsWriter: VolumeWriter {
    package let filesystem = VolumeFilesystem.gocryptfs.rawValue
    package let blockSize = GocryptfsFile.blockSize
    private let place: VolumePlace
    private let secret: SecretBytes
    private let masterKey: SecretBytes
    private let id: [UInt8]
    private let encrypting: GocryptfsCipher
    private let decrypting: GocryptfsCipher

    package init(_ place: VolumePlace, _ secret: VolumeSecret) throws(PluginError) {
        // gocryptfs takes a line.
        guard !secret.secret.withBytes({ $0.contains(UInt8(ascii: "\n")) || $0.count > 2048 }) else {
            throw PluginError("cannot use the passphrase: gocryptfs takes one line of at most 2048 bytes")
        }
        masterKey = try SecretBytes(random: GocryptfsConfiguration.keySize)
        id = try Crypto.randomBytes(GocryptfsFile.idSize)
        encrypting = try GocryptfsCipher(.encrypting, masterKey: masterKey, id: id, threads: 16)
        decrypting = try GocryptfsCipher(.decrypting, masterKey: masterKey, id: id, threads: 2)
        (self.place, self.secret) = (place, secret.secret)
    }

    private static let blockSize = UInt64(GocryptfsFile.blockSize)

    /// Where a block lies behind the start of the volume.
    private static func offset(_ block: UInt64) -> UInt64 {
        OuterSquashfs.contentOffset + GocryptfsFile.offset(ofBlock: block)
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
        guard offset % Self.blockSize == 0 else { throw .invalidArgument }
        let first = offset / Self.blockSize
        let count = (bytes.count + blockSize - 1) / blockSize
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: bytes.count + count * GocryptfsFile.overhead, alignment: 64)
        defer { room.deallocate() }
        var ivs = [UInt8](repeating: 0, count: count * 16)
        guard ivs.withUnsafeMutableBytes({ Crypto.fill($0) }) else { throw .current }
        let done = ivs.withUnsafeBytes { ivs in
            (0..<count).allSatisfy { index in
                let start = index * blockSize
                let part = min(blockSize, bytes.count - start)
                let place = index * GocryptfsFile.storedBlockSize
                return encrypting.encrypt(
                    first + UInt64(index), iv: UnsafeRawBufferPointer(rebasing: ivs[index * 16..<index * 16 + 16]),
                    UnsafeRawBufferPointer(rebasing: bytes[start..<start + part]),
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: room[place..<place + part + GocryptfsFile.overhead]))
            }
        }
        guard done else { throw .invalidArgument }
        try place.write(UnsafeRawBufferPointer(room), at: Self.offset(first))
    }

    package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) {
        guard offset % Self.blockSize == 0 else { throw .invalidArgument }
        let first = offset / Self.blockSize
        let count = (bytes.count + blockSize - 1) / blockSize
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: bytes.count + count * GocryptfsFile.overhead, alignment: 64)
        defer { room.deallocate() }
        try place.read(into: room, at: Self.offset(first))
        for index in 0..<count {
            let start = index * blockSize
            let part = min(blockSize, bytes.count - start)
            let place = index * GocryptfsFile.storedBlockSize
            let done = decrypting.decrypt(
                first + UInt64(index),
                UnsafeRawBufferPointer(rebasing: room[place..<place + part + GocryptfsFile.overhead]),
                into: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + part]))
            guard done else { throw SystemError(EBADMSG) }
        }
    }

    package func finish(plainSize: UInt64) throws(PluginError) -> UInt64 {
        guard let stored = GocryptfsFile.storedSize(plain: plainSize), stored < UInt64.max / 2 else {
            throw PluginError("cannot write a volume of \(plainSize) bytes")
        }
        let configuration = try GocryptfsConfiguration.make(passphrase: secret, masterKey: masterKey)
        let number = try Crypto.randomBytes(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let outer = OuterSquashfs(
            name: "squashfs-\(number)", size: stored, configuration: configuration.text,
            time: UInt32(clamping: time(nil)))
        let parts = outer.parts()
        do throws(SystemError) {
            try place.write(GocryptfsFile.header(id: id), at: OuterSquashfs.contentOffset)
            try place.write(parts.end, at: OuterSquashfs.contentOffset + stored)
            try place.write(parts.start, at: 0)
        } catch {
            throw PluginError("cannot write the encrypted image", error)
        }
        return parts.size
    }
}
