package import Base
package import Linux

/// An image, opened once: it is never opened by path again, so what was checked is what is used.
package struct ImageSource: ~Copyable, Sendable {
    package enum Kind: String, Sendable {
        case directory, sif, squashfs, ext3
        /// Of a format that a plugin knows.
        case foreign
    }

    package let kind: Kind
    /// Open for reading, and for writing when `isWritable` (never for a directory); close-on-exec.
    package let descriptor: OwnedFD
    /// Absolute, without `.` and `..`, symlinks kept: the value of APPTAINER_CONTAINER.
    package let path: String
    /// Writing was asked for and the kernel granted it.
    package let isWritable: Bool
    /// Where the root file system is. Nil for a directory, which is one itself, and for a SIF without a root.
    package let root: ImageSection?
    /// Writable layers of a SIF, in its group; Docs/spec/sif.md §10.
    package let overlays: [ImageSection]
    package let data: [ImageSection]
    /// `unknown` unless a SIF or a plugin names one.
    package let architecture: SIFArchitecture
    /// Header and table of a SIF.
    package let sif: SIFImage?
    /// What a foreign image says about itself.
    package let record: ForeignRecord

    init(
        kind: Kind, descriptor: consuming OwnedFD, path: String, isWritable: Bool, root: ImageSection? = nil,
        overlays: [ImageSection] = [], data: [ImageSection] = [], architecture: SIFArchitecture = .unknown,
        sif: SIFImage? = nil, record: ForeignRecord = ForeignRecord()
    ) {
        self.kind = kind
        self.descriptor = descriptor
        self.path = path
        self.isWritable = isWritable
        self.root = root
        self.overlays = overlays
        self.data = data
        self.architecture = architecture
        self.sif = sif
        self.record = record
    }

    /// Whether a key is needed to read the root file system.
    package var isEncrypted: Bool { root?.filesystem.isEncrypted ?? false }

    /// Whether it is a directory whose owners are recorded on its files.
    package var isOwnedSandbox: Bool { kind == .directory && OwnedSandbox.isMarked(descriptor.raw) }

    /// Gives the descriptor away, for a caller that keeps the facts elsewhere.
    package consuming func takeDescriptor() -> OwnedFD { descriptor }
}

/// Opens the image of a launch.
///
/// - Parameters:
///   - path: of a directory, SIF, squashfs or ext3 file, or one that a plugin knows; relative to the current directory.
///   - writable: opens the file for writing if the kernel allows it, else for reading; `isWritable` tells.
/// - Throws: with Apptainer's texts, which scripts read; also when the image has no root file system or is for another
///   processor.
package func openImage(_ path: String, writable: Bool) throws(SkiffError) -> ImageSource {
    // An empty path would mean the current directory.
    guard !path.isEmpty else {
        throw SkiffError("cannot open the image: its path is empty", hint: "Check the variable that holds it")
    }
    let absolute = try absolutePath(path)
    let image: ImageSource
    do throws(SkiffError) {
        image = try openForThisHost(absolute, writable: writable)
    } catch {
        guard error.errno == .noSuchFile, error.hint == nil, looksLikeReference(path) else { throw error }
        let hint = "For an image of a registry write docker://\(path)"
        throw SkiffError(error.message, errno: error.errno, hint: hint, code: error.code)
    }
    if image.kind == .sif, image.root == nil {
        throw SkiffError(
            "While checking container encryption: while getting root filesystem in \(absolute): no root filesystem found"
        )
    }
    return image
}

/// Whether a word that names no file may be meant as `NAME:TAG` or a bare `NAME` of a registry.
private func looksLikeReference(_ word: String) -> Bool {
    let last = lastComponent(word)
    let isName = word.utf8.allSatisfy { ASCII.isAlphanumeric($0) || "._-/:".utf8.contains($0) }
    return isName && !word.hasPrefix("/") && !word.hasPrefix(".") && (last.contains(":") || !word.contains("."))
}

private func openForThisHost(_ path: String, writable: Bool) throws(SkiffError) -> ImageSource {
    do throws(SkiffError) {
        let image = try ImageSource.open(path, writable: writable)
        try image.checkArchitecture()
        return image
    } catch {
        throw error.inside("While checking container encryption: could not open image \(path)")
    }
}

extension SkiffError {
    /// Returns the same error as the reason for another: `message: reason`.
    func inside(_ message: String) -> SkiffError {
        SkiffError("\(message): \(self.message)", errno: errno, hint: hint, code: code)
    }
}
