package import Base
package import Core
import Linux
import PluginAPI

/// A plugin that writes encrypted volumes, and the key of the user.
package final class VolumeEncryption: @unchecked Sendable {
    package let filesystem: SIFFilesystem
    // Only the thread that builds calls it.
    private let session: Session
    private let key: LentKey
    private let base: LentKey

    /// Loads the first plugin that writes volumes of this kind.
    ///
    /// - Parameter base: the key of encrypted images that the build starts from; nil for the same.
    package init(
        _ filesystem: SIFFilesystem, _ source: KeySource, base: KeySource?, _ settings: Settings,
        _ installation: Installation
    ) throws(SkiffError) {
        let registry = PluginCatalog(installation).plugins(for: [.offer(SKIFF_EXT_CRYPTO)])
        guard let manifest = registry.enabled.first(where: { $0.extensions.contains(SKIFF_EXT_CRYPTO) }) else {
            throw SkiffError(
                "cannot encrypt the image: no plugin here writes encrypted images",
                hint: "Install or enable the plugin org.skiff.encryption")
        }
        let trust = Trust.ofThisProcess
        var facts = SessionFacts(request: Request(action: .exec, image: ""), installation: installation)
        facts.configuration = InstalledPlugins.configuration(settings, [manifest])
        (facts.command, facts.isPrivileged, facts.isRootless) = ("build", trust.isPrivileged, effectiveUID() != 0)
        session = Session(
            plugin: try Loader(directory: registry.directory, trust: trust).load(manifest), facts: facts)
        guard session.plugin.crypto.format != nil else {
            throw SkiffError(
                "cannot encrypt the image: the plugin \(manifest.id) reads encrypted images, but writes none")
        }
        (self.filesystem, key) = (filesystem, LentKey(source, for: .writing))
        self.base = base.map { LentKey($0, for: .opening) } ?? key
    }

    /// Opens an encrypted image from which a build starts, in this process, which hides itself until the volume is closed.
    ///
    /// - Parameter file: the image; a copy of the descriptor is kept.
    package func open(_ volume: EncryptedVolume, of path: String, file: CInt) throws(SkiffError) -> ResumedVolume {
        guard let (session, kept) = try [session].unlock(volume, of: path, file: file, with: base) else {
            throw SkiffError(
                "cannot open \(path): the plugin \(session.plugin.manifest.id) does not know its kind of encryption, "
                    + volume.label)
        }
        try hideProcess()
        let copy = try during("cannot read the image") { () throws(Errno) in
            try duplicate(file)
        }
        return try ResumedVolume(volume, copy, session.plugin, kept)
    }

    /// Asks for the key, and finds out whether the plugin can use it.
    package func prepare() throws(SkiffError) {
        let file = try during("cannot make a file in memory") { () throws(Errno) in
            try makeMemoryFile("skiff-volume", [])
        }
        try begin(file: file.raw, offset: 0, path: "the image").abandon()
    }

    /// - Parameter file: open for reading and writing, lent until the volume ends.
    package func begin(file: CInt, offset: Int64, path: String) throws(SkiffError) -> WrittenVolume {
        guard let format = session.plugin.crypto.format else { throw failure("format", "it writes no volumes") }
        var answer = skiff_crypto_format()
        answer.struct_size = UInt32(MemoryLayout<skiff_crypto_format>.size)
        var writer: OpaquePointer?
        session.key = key
        defer { session.key = nil }
        let status = try session.during(.prepare) { () throws(SkiffError) in
            try session.plugin.call("crypto format") {
                path.withCString { path in
                    var target = skiff_crypto_target()
                    target.struct_size = UInt32(MemoryLayout<skiff_crypto_target>.size)
                    (target.fd, target.offset, target.plain_limit) = (file, UInt64(clamping: offset), .max >> 1)
                    (target.filesystem, target.path) = (UInt32(bitPattern: filesystem.rawValue), path)
                    return format(session.plugin.object, session.pointer, &target, &answer, &writer)
                }
            }
        }
        guard status == SKIFF_OK, let writer else {
            throw SkiffError(
                "cannot encrypt the image: the plugin \(session.plugin.manifest.id) writes no volumes of this kind")
        }
        let volume = WrittenVolume(session, writer, answer)
        guard answer.filesystem == UInt32(bitPattern: filesystem.rawValue), (512...65536).contains(volume.blockSize),
            volume.blockSize & (volume.blockSize - 1) == 0
        else {
            volume.abandon()
            throw failure("format", "it answered with a volume of another kind")
        }
        return volume
    }

    private func failure(_ station: String, _ message: String) -> SkiffError {
        session.plugin.manifest.failure("crypto \(station)", message)
    }
}

/// An encrypted volume that a plugin writes. `write` and `read` may be called by several threads.
package final class WrittenVolume: @unchecked Sendable {
    /// In bytes.
    package let blockSize: Int
    /// The wrapped key; nil when there is none.
    package let message: [UInt8]?
    private let session: Session
    // The plugin promises that write_block and read_back may be called from anywhere.
    private let table: skiff_crypto
    private let object: UnsafePointer<skiff_plugin>?
    private var writer: OpaquePointer?

    init(_ session: Session, _ writer: OpaquePointer, _ answer: skiff_crypto_format) {
        (self.session, self.writer, blockSize) = (session, writer, Int(answer.block_size))
        (table, object) = (session.plugin.crypto, session.plugin.object)
        let size = Int(clamping: min(answer.message_size, UInt64(KeySource.longest)))
        message = answer.message.map { Array(UnsafeRawBufferPointer(start: $0, count: size)) }
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SkiffError) {
        let status = table.write_block?(
            object, writer, UInt64(clamping: offset), bytes.baseAddress, UInt64(bytes.count))
        try check(status, "cannot write the encrypted image")
    }

    package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SkiffError) {
        let status = table.read_back?(object, writer, UInt64(clamping: offset), bytes.baseAddress, UInt64(bytes.count))
        try check(status, "cannot read the encrypted image back")
    }

    /// - Parameter status: of a call by this thread.
    private func check(_ status: Int32?, _ message: String) throws(SkiffError) {
        if status == SKIFF_OK { return }
        throw SkiffError(message, errno: status == SKIFF_E_SYSTEM ? .current : .ioError)
    }

    /// Completes the volume.
    /// - Returns: how many bytes it takes in the file.
    package func finish(plainSize: Int64) throws(SkiffError) -> Int64 {
        guard let finish = table.finish, let writer else { return 0 }
        self.writer = nil
        var size: UInt64 = 0
        try session.during(.prepare) { () throws(SkiffError) in
            _ = try session.plugin.call("crypto finish") {
                finish(object, session.pointer, writer, UInt64(clamping: plainSize), &size)
            }
        }
        guard size >= UInt64(clamping: plainSize), let result = Int64(exactly: size) else {
            throw session.plugin.manifest.failure("crypto finish", "it has written a volume of \(size) bytes")
        }
        return result
    }

    /// Ends it without that; the file is thrown away.
    package func abandon() {
        if let writer { table.abort?(object, writer) }
        writer = nil
    }
}
