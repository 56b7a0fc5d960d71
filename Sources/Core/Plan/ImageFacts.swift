package import Base
package import Linux

/// What the plan needs to know about an opened image.
package struct ImageFacts: Sendable, Equatable {
    /// Absolute; what APPTAINER_CONTAINER says.
    package var path: String
    package var root: RootFilesystem
    /// Where the root file system lies in the file.
    package var range: ByteRange
    /// Whether the root file system is a part of a SIF and not the whole file.
    package var isInSIF: Bool
    /// Whether the caller may write the image.
    package var isWritable: Bool
    /// Whether a directory image that is opened for writing has the place of the home directory.
    package var holdsHome = false
    /// Whether it is an `OwnedSandbox`.
    package var keepsOwners = false
    /// Files that stand in the container beside those of the image.
    package var recordFiles: [ForeignRecord.Entry] = []
    /// Nil for an image that everybody can read.
    package var encryption: EncryptedVolume?

    package init(
        path: String, root: RootFilesystem, range: ByteRange = .whole, isInSIF: Bool = false, isWritable: Bool = true
    ) {
        self.path = path
        self.root = root
        self.range = range
        self.isInSIF = isInSIF
        self.isWritable = isWritable
    }

    /// - Throws: when the configuration forbids this image.
    package init(_ image: borrowing ImageSource, _ request: Request, _ settings: Settings, _ host: HostFacts)
        throws(SkiffError)
    {
        // The tree of a build is not an image yet.
        if !request.buildConfiguration { try Self.checkConfiguration(image, settings, host) }
        path = image.path
        recordFiles = image.record.files
        isInSIF = image.kind == .sif
        isWritable = image.isWritable
        guard let section = image.root else {
            (root, range) = (.directory, .whole)
            keepsOwners = request.userMapping == .root && image.isOwnedSandbox
            return
        }
        encryption = EncryptedVolume(of: image)
        if let encryption {
            (root, range) = (.squashfs, encryption.range)
            if request.unsquash {
                // It would need a plain copy on a disk.
                throw SkiffError(
                    "cannot extract \(path): it is encrypted, and what is extracted would not be",
                    hint: "Leave out --unsquash")
            }
            return
        }
        guard let filesystem = RootFilesystem(section.filesystem) else {
            throw SkiffError(
                "cannot run \(image.path): its root file system is \(section.filesystem.label), not squashfs or ext3")
        }
        (root, range) = (filesystem, section.range)
    }

    /// - Throws: when the configuration forbids this image.
    static func checkConfiguration(
        _ image: borrowing ImageSource, _ settings: Settings, _ host: HostFacts
    ) throws(SkiffError) {
        let (allowed, name) =
            switch image.kind {
            case .directory: (settings.allowContainerDirectory, "dir")
            case .sif where image.isEncrypted && settings.allowContainerSIF:
                (settings.allowContainerEncrypted, "encrypted")
            case .sif: (settings.allowContainerSIF, "sif")
            case .foreign where image.root?.filesystem == .ext3: (settings.allowContainerExtfs, "extfs")
            case .squashfs, .foreign: (settings.allowContainerSquashfs, "squashfs")
            case .ext3: (settings.allowContainerExtfs, "extfs")
            }
        guard allowed else {
            throw SkiffError("configuration disallows users from running \(name) containers")
        }
        // Root of the host could change the configuration.
        if host.uid == 0 && host.isInitialUserNamespace { return }
        try ContainerLimits(settings)?.check(image)
    }
}
