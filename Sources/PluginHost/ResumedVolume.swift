package import Base
package import Core
package import Linux
import PluginAPI

/// An encrypted volume in the hands of its plugin: plain bytes at any place, for many threads at once. Its keys live as long as
/// the process, or until `close`.
package final class ResumedVolume: @unchecked Sendable {
    // The plugin promises that volume_size and read_block may be called from anywhere.
    private let plugin: LoadedPlugin
    private let read: Read
    private let file: OwnedFD
    private var handle: OpaquePointer?
    /// Of the plain volume, in bytes.
    package let size: UInt64

    private typealias Read =
        @convention(c) (
            UnsafePointer<skiff_plugin>?, OpaquePointer?, UInt64, UnsafeMutableRawPointer?, UInt64
        ) -> Int32

    /// What is read at the edges of a range, in bytes: whole blocks of both kinds of encryption.
    private static let block: UInt64 = 4096

    /// Loads a plugin by its id, and opens a volume with what the plugin has kept elsewhere.
    ///
    /// - Parameter key: returns the sealed file. Called when no process of the same user can look into this one any more.
    package static func open(
        _ volume: EncryptedVolume, file: consuming OwnedFD, plugin id: String, _ installation: Installation,
        key: () throws(SkiffError) -> OwnedFD
    ) throws(SkiffError) -> ResumedVolume {
        let catalog = PluginCatalog(installation)
        let registry = catalog.plugins(for: [.plugin(id)])
        guard let manifest = registry.enabled.first(where: { $0.id == id }) else {
            throw SkiffError("cannot decrypt the image: the plugin \(id) is not here any more")
        }
        let plugin = try Loader(directory: registry.directory, trust: .ofThisProcess).load(manifest)
        leaveMemoryOutOfCores()
        try hideProcess()
        let sealed = try key()
        let kept = try during("cannot take the key over") { () throws(Errno) in
            try SecretMemory(ofSealed: sealed.raw, limit: longestKept)
        }
        return try ResumedVolume(volume, file, plugin, kept)
    }

    init(
        _ volume: EncryptedVolume, _ file: consuming OwnedFD, _ plugin: LoadedPlugin, _ kept: SecretMemory
    ) throws(SkiffError) {
        guard let resume = plugin.crypto.resume, let ask = plugin.crypto.volume_size,
            let read = plugin.crypto.read_block
        else { throw EncryptedVolume.unserved("the image") }
        self.read = read
        self.plugin = plugin
        let descriptor = file.raw
        self.file = file
        var handle: OpaquePointer?
        let status = try plugin.call("crypto resume") {
            withRequest(volume, "the image", descriptor) {
                resume(plugin.object, $0, kept.bytes.baseAddress, UInt64(kept.count), &handle)
            }
        }
        guard status == SKIFF_OK, let handle else {
            throw plugin.manifest.failure("crypto resume", "it has opened nothing")
        }
        self.handle = handle
        size = ask(plugin.object, handle)
        guard size > 0, size <= UInt64(Int64.max) - Self.block else {
            throw plugin.manifest.failure("crypto resume", "it has opened a volume of \(size) bytes")
        }
    }

    /// Wipes the keys. Nothing may be read any more.
    package func close() {
        if let handle { plugin.crypto.close?(plugin.object, handle) }
        handle = nil
    }

    /// Fills `buffer` from `offset` on and returns the number of bytes read, fewer than asked for only at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(Errno) -> Int {
        guard offset < size, !buffer.isEmpty else { return 0 }
        let count = min(UInt64(buffer.count), size - offset)
        // Neither sum can overflow: size is less than Int64.max by a block.
        let end = offset + count
        let first = (offset + Self.block - 1) / Self.block * Self.block
        let last = end / Self.block * Self.block
        if offset < first || first > last { try edge(buffer, offset, min(first, end)) }
        if first < last {
            try blocks(UnsafeMutableRawBufferPointer(rebasing: buffer[Int(first - offset)..<Int(last - offset)]), first)
        }
        if end > last, last >= first {
            try edge(UnsafeMutableRawBufferPointer(rebasing: buffer[Int(last - offset)...]), last, end)
        }
        return Int(count)
    }

    /// Reads a part of one block.
    private func edge(_ buffer: UnsafeMutableRawBufferPointer, _ start: UInt64, _ end: UInt64) throws(Errno) {
        guard start < end else { return }
        let begin = start / Self.block * Self.block
        // The last block of the volume may be shorter; sectors are whole.
        let length = min(Self.block, (size - begin + 511) / 512 * 512)
        try withUnsafeTemporaryAllocation(byteCount: Int(Self.block), alignment: 64) { room throws(Errno) in
            try blocks(UnsafeMutableRawBufferPointer(rebasing: room[..<Int(length)]), begin)
            let part = room[Int(start - begin)..<Int(end - begin)]
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
        }
    }

    private func blocks(_ buffer: UnsafeMutableRawBufferPointer, _ offset: UInt64) throws(Errno) {
        guard read(plugin.object, handle, offset, buffer.baseAddress, UInt64(buffer.count)) == SKIFF_OK else {
            throw .ioError
        }
    }
}
