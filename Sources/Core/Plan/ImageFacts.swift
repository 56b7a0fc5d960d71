package import Base

/// What the plan needs to know of an opened image.
package struct ImageFacts: Sendable, Equatable {
    package enum Root: Sendable {
        case directory, squashfs, ext3
    }

    /// Absolute; what APPTAINER_CONTAINER says.
    package var path: String
    package var root: Root
    /// The root file system's place in the file, in bytes; 0 and 0 for a directory.
    package var offset: Int64
    package var size: Int64
    /// Whether the root file system is a part of a SIF and not the whole file.
    package var isInSIF: Bool
    /// Whether the caller may write the image.
    package var isWritable: Bool
    /// Whether an image that is a directory, and opened for writing, has the place of the home directory.
    package var holdsHome = false
    /// Whether it is an `OwnedSandbox`.
    package var keepsOwners = false

    package init(
        path: String, root: Root, offset: Int64, size: Int64, isInSIF: Bool = false, isWritable: Bool = true
    ) {
        self.path = path
        self.root = root
        self.offset = offset
        self.size = size
        self.isInSIF = isInSIF
        self.isWritable = isWritable
    }

    /// - Throws: when the configuration forbids this image, or it needs a key.
    package init(_ image: borrowing ImageSource, _ request: Request, _ settings: Settings, _ host: HostFacts)
        throws(SkiffError)
    {
        // The tree of a build is no image yet.
        if !request.buildConfiguration { try Self.checkConfiguration(image, settings, host) }
        guard !image.isEncrypted else {
            throw SkiffError("cannot run \(image.path): encrypted images are not available in this version")
        }
        path = image.path
        isInSIF = image.kind == .sif
        isWritable = image.isWritable
        guard let section = image.root else {
            (root, offset, size) = (.directory, 0, 0)
            keepsOwners = request.userMapping == .root && image.isOwnedSandbox
            return
        }
        switch section.filesystem {
        case .squashfs: root = .squashfs
        case .ext3: root = .ext3
        default:
            throw SkiffError(
                "cannot run \(image.path): its root file system is \(section.filesystem.label), not squashfs or ext3")
        }
        (offset, size) = (section.offset, section.size)
    }

    private static func checkConfiguration(
        _ image: borrowing ImageSource, _ settings: Settings, _ host: HostFacts
    ) throws(SkiffError) {
        let (allowed, name) =
            switch image.kind {
            case .directory: (settings.allowContainerDirectory, "dir")
            case .sif where image.isEncrypted && settings.allowContainerSIF:
                (settings.allowContainerEncrypted, "encrypted")
            case .sif: (settings.allowContainerSIF, "sif")
            case .squashfs: (settings.allowContainerSquashfs, "squashfs")
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
