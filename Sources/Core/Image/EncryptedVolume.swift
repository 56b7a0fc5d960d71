package import Base
package import Linux

/// The encrypted root file system of an image, which a plugin opens with a key.
package struct EncryptedVolume: Sendable, Equatable {
    /// A wrapped key: an object of the SIF that is linked to the file system.
    package struct Message: Sendable, Equatable {
        package let id: UInt32
        package let range: ByteRange
    }

    package let filesystem: SIFFilesystem
    package let range: ByteRange
    /// Those that plugins know how to read: PEM, RSA-OAEP; in the order of the objects.
    package let messages: [Message]
    /// Whether a signature of the SIF is about it, whoever made that.
    package let isSigned: Bool

    /// For messages and `--explain`.
    package var label: String { filesystem == .gocryptfsSquashfs ? "gocryptfs" : "LUKS2" }

    /// Whether the kernel can decrypt it: gocryptfs it cannot.
    package var isKernels: Bool { filesystem == .encryptedSquashfs }

    /// - Returns: nil when the root file system is not encrypted.
    package init?(of image: borrowing ImageSource) {
        guard let root = image.root, root.filesystem.isEncrypted else { return nil }
        (filesystem, range) = (root.filesystem, root.range)
        let objects = image.sif?.objects ?? []
        let group = objects.first { $0.id == root.id }?.storedGroup
        isSigned = objects.contains {
            $0.type == .signature && ($0.storedLink == root.id || $0.storedLink == group)
        }
        messages = objects.compactMap { object in
            guard object.type == .cryptoMessage, object.storedLink == root.id,
                object.extra == .cryptoMessage(format: .pem, message: .rsaOAEP)
            else { return nil }
            return Message(id: object.id, range: ByteRange(offset: object.offset, size: object.size))
        }
    }

    package init(filesystem: SIFFilesystem, range: ByteRange, messages: [Message] = []) {
        (self.filesystem, self.range, self.messages, isSigned) = (filesystem, range, messages, false)
    }

    /// A warning about what nothing protects from changes; Docs/decisions/020.
    package func warning(of path: String) -> PlanMessage? {
        if isSigned || filesystem == .gocryptfsSquashfs { return nil }
        return .warning("Nothing protects the content of \(path) from changes: LUKS2 does not, and it is not signed")
    }

    /// Why nobody opens it.
    package static func unserved(_ path: String) -> SkiffError {
        SkiffError(
            "cannot open \(path): it is encrypted, and no plugin here opens encrypted images",
            hint: "Install or enable the plugin org.skiff.encryption")
    }
}

/// A volume that a plugin has opened: what it needs to read it in another process, in a file in memory that is sealed. It ends when that
/// process has it; only then can this one be dumped again.
package final class UnlockedVolume: Sendable {
    /// The plugin's id.
    package let plugin: String
    private let file: OwnedFD

    // Until here nobody may look into this process, nor take the file out of it. The container's first process writes its maps,
    // which only one that can be dumped may.
    deinit { try? setDumpable(true) }

    package init(plugin: String, file: consuming OwnedFD) {
        self.plugin = plugin
        self.file = file
    }

    /// Lent.
    package var descriptor: CInt { file.raw }
}
