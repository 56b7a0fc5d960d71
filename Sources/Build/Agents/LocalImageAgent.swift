import Base
import CLinux
import Core
import Extraction
import ImageCache
import Linux
import Ownership
import Packing
import Unpacking

/// `Bootstrap: localimage`: an image or directory of this host (Docs/spec/deffile.md §2).
struct LocalImageAgent: BootstrapAgent {
    var verifiesSignatures: Bool { true }

    func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent {
        try LocalImage(
            path: request.value("from"), root: request.root, identity: request.options.identity,
            ownsAllIDs: request.ownsAllIDs,
            encryption: request.options.holdsTreesInMemory ? request.options.encryption : nil,
            verification: request.verification
        ).unpack()
        return Self.content
    }

    /// What it leaves to the build, whatever the image is.
    static var content: BaseContent {
        var content = BaseContent()
        content.keepsMetadata = true
        return content
    }

    func facts(_ request: BootstrapRequest) throws(SkiffError) -> [StepFact]? {
        // `fill` will say what cannot be read.
        guard let image = try? LocalImage.open(request.value("from")), let state = LocalImage.state(of: image) else {
            return nil
        }
        // Verified here, too: when the result is kept, `fill` is not called.
        try request.verification.verify(image, request.value("from"))
        return [StepFact("the base image", state)]
    }
}

/// Unpacks an image into an empty directory.
struct LocalImage {
    let path: String
    let root: String
    let identity: BuildIdentity
    /// Whether files can be given to any user: real root.
    let ownsAllIDs: Bool
    /// Opens encrypted images; nil where what is in them would lie on a disk.
    var encryption: PluginEncryption?
    /// Nil for what was made here.
    var verification: BaseVerification?

    /// What is recorded on the files.
    private var keeping: RecordKeeping { identity.keeping }

    /// Returns a text that changes with the image, or nil when it cannot be read. Its content is not read: nobody can change a
    /// file and keep its time of change.
    static func state(of image: borrowing ImageSource) -> String? {
        image.kind == .directory
            ? try? TreeDigest.state(below: image.descriptor.raw) : try? TreeDigest.state(of: image.descriptor.raw)
    }

    static func open(_ path: String) throws(SkiffError) -> ImageSource {
        do throws(SkiffError) {
            return try ImageSource.open(path, writable: false)
        } catch {
            throw SkiffError(
                "While performing build: conveyor failed to get: \(error.message)", errno: error.errno,
                hint: error.hint)
        }
    }

    func unpack() throws(SkiffError) {
        let image = try Self.open(path)
        try verification?.verify(image, path)
        Log.info("Extracting local image...")
        if image.kind == .directory { return try copy(image.path, path) }
        guard let section = image.root else {
            throw SkiffError("While performing build: cannot extract \(path): it has no root file system")
        }
        if let volume = EncryptedVolume(of: image) {
            try checkRoom(section.range.size, path)
            try decrypt(volume, image.descriptor.raw)
            return try write(image.record)
        }
        guard let kind = RootFilesystem(section.filesystem) else {
            throw SkiffError(
                "While performing build: cannot extract \(path): its root file system is neither squashfs nor ext3")
        }
        // A packed image is at least as large when it is unpacked.
        try checkRoom(section.range.size, path)
        try extract(image.descriptor.raw, ImageFilesystem(kind: kind, range: section.range))
        try write(image.record)
    }

    /// What a foreign image says about itself becomes files of the image.
    private func write(_ record: ForeignRecord) throws(SkiffError) {
        if record.files.isEmpty { return }
        let tree = try RootTree(root)
        for file in record.files { try tree.write(file.path, file.bytes, mode: file.mode) }
    }

    private func checkRoom(_ bytes: Int64, _ image: String) throws(SkiffError) {
        let hint = encryption == nil ? FullDisk.temporaryHint : "What is encrypted is unpacked in memory alone"
        try DiskSpace.check(bytes, in: root, for: "extracting \(image)", hint: hint)
    }

    private func decrypt(_ volume: EncryptedVolume, _ file: CInt) throws(SkiffError) {
        guard let encryption else {
            throw SkiffError(
                "While performing build: cannot extract \(path): it is encrypted, and what is extracted would not be",
                hint: "Use it by Bootstrap: localimage in a build with --encrypt")
        }
        let base = try encryption.openBase(volume, of: path, file: file)
        defer { base.close() }
        try extract { (target, options) throws(ExtractionError) in
            _ = try ImageFilesystem.extract(squashfs: base, to: target, options)
        }
    }

    private func extract(_ file: CInt, _ filesystem: ImageFilesystem) throws(SkiffError) {
        try extract { (target, options) throws(ExtractionError) in
            let copy: OwnedFD
            do throws(Errno) {
                copy = try duplicate(file)
            } catch {
                throw ExtractionError(path: [], reason: .image(error.description))
            }
            _ = try filesystem.extract(from: copy, to: target, options, leavesOutLostAndFound: true)
        }
    }

    private func extract(_ write: (CInt, ExtractionOptions) throws(ExtractionError) -> Void) throws(SkiffError) {
        let target = try during("cannot open \(root)") { () throws(Errno) in
            try Linux.open(root, O_RDONLY | O_DIRECTORY)
        }
        do throws(ExtractionError) {
            var options = ExtractionOptions(
                owners: ownsAllIDs || keeping == .devices, devices: ownsAllIDs, xattrs: ownsAllIDs ? .all : .user,
                records: keeping)
            // Its size unpacked is written nowhere.
            let progress = ProgressLine("Extracting", total: 0)
            options.watch = progress.advance
            try write(target.raw, options)
        } catch {
            let reason =
                switch error.reason {
                case .image(let text): text
                case .write(let errno): errno.description.lowercased()
                }
            throw SkiffError(
                "While performing build: cannot extract the local image: "
                    + "/\(String(bytes: error.path)): \(reason)")
        }
    }

    /// cp(1) keeps hard links, holes, times and attributes. The target is empty and ours, so no link in it can mislead.
    func copy(_ source: String, _ typed: String) throws(SkiffError) {
        let tree = try during("cannot open \(typed)") { () throws(Errno) in
            try Linux.open(source, O_RDONLY | O_DIRECTORY)
        }
        try checkRoom(TreeSize(of: tree.raw).allocated, typed)
        let keepsOwners = identity.knowsOwners(of: tree.raw, ownsAllIDs: ownsAllIDs)
        let options = keepsOwners ? ["-a"] : ["-a", "--no-preserve=ownership"]
        let ended = try during("cannot start cp") { () throws(Errno) in
            let pid = try spawn(
                "/bin/cp", ["cp"] + options + ["--", source + "/.", root], environment: environmentStrings())
            return try waitFor(pid)?.status
        }
        guard ended == .exited(0) else {
            throw SkiffError("While performing build: cannot copy \(source)", hint: "See cp's message above")
        }
    }
}
