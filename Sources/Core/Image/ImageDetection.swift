package import Base
import Linux

extension ImageSource {
    /// Opens an image and finds out what it is, in Apptainer's order (Docs/spec/squashfs-and-ext3.md §1): directory,
    /// SIF, squashfs, ext3, and then what `formats` knows. A damaged file of one of these kinds is an error; the next kind is
    /// not tried.
    ///
    /// Two reads for a usual SIF: header and table at once, then the superblock of the root.
    ///
    /// - Throws: the bare reason, for a caller that says what it wanted the image for.
    package static func open(_ path: String, writable: Bool) throws(SkiffError) -> ImageSource {
        guard let image = try find(path, writable: writable) else {
            throw SkiffError("image format not recognized")
        }
        return image
    }

    /// As `open`.
    ///
    /// - Returns: nil for a file that is not an image of any kind.
    package static func find(_ path: String, writable: Bool) throws(SkiffError) -> ImageSource? {
        let absolute = try absolutePath(path)
        var isWritable = writable
        let file = try openForUse(absolute, &isWritable, given: path)
        let facts = try during("cannot look at \(absolute)") { () throws(Errno) in try status(of: file.raw) }
        if facts.isDirectory {
            isWritable = writable && isAccessible(".", .write, at: file.raw)
            return ImageSource(kind: .directory, descriptor: file, path: absolute, isWritable: isWritable)
        }
        guard facts.isRegular else { return nil }
        let start = try SIFImage.start(of: file.raw)
        let isLongEnough = start.count >= Superblock.size
        if isLongEnough, Superblock.mentionsSIF(start.span.bytes) {
            let image = try SIFImage(reading: file.raw, start: start)
            return try ImageSource(sif: image, file, absolute, isWritable, start: start)
        }
        guard let found = isLongEnough ? try filesystem(at: start.span.bytes) : nil else {
            guard let image = try formats?.describe(file.raw, absolute, start: start) else { return nil }
            return try ImageSource(foreign: image, file, absolute, isWritable, size: facts.size)
        }
        // An image of Singularity 2 does not say how long it is: take everything to the end of the file.
        let root = ImageSection(
            filesystem: found.filesystem,
            range: ByteRange(offset: Int64(found.offset), size: facts.size - Int64(found.offset)))
        return ImageSource(
            kind: found.kind, descriptor: file, path: absolute,
            isWritable: isWritable && found.filesystem == .ext3, root: root)
    }

    /// Never waits for a peer, should the path name a pipe. Directories are opened for reading only, as is a file that
    /// may not be written.
    private static func openForUse(
        _ path: String, _ writable: inout Bool, given: String
    ) throws(SkiffError) -> OwnedFD {
        if writable, let file = try? Linux.open(path, [.readWrite, .nonBlocking]) { return file }
        // If something other than writing is at fault, the second try reports it, unless it does not prevent reading.
        writable = false
        do throws(Errno) {
            return try Linux.open(path, [.read, .nonBlocking])
        } catch {
            throw openingError(error, given: given, absolute: path)
        }
    }

    private static func filesystem(
        at start: RawSpan
    ) throws(SkiffError) -> (kind: Kind, filesystem: SIFFilesystem, offset: Int)? {
        switch Superblock.squashfs(start) {
        case .found(let offset): return (.squashfs, .squashfs, offset)
        case .broken(let reason): throw SkiffError(reason)
        case .notMine: break
        }
        switch Superblock.ext3(start) {
        case .found(let offset): return (.ext3, .ext3, offset)
        case .broken(let reason): throw SkiffError(reason)
        case .notMine: return nil
        }
    }
}

extension ImageSource {
    /// Chooses the partitions of a SIF: root, overlays of the root's group, data; each one that a container may use is
    /// checked.
    private init(
        sif image: SIFImage, _ file: consuming OwnedFD, _ path: String, _ isWritable: Bool, start: [UInt8]
    ) throws(SkiffError) {
        let primary = image.primarySystem
        var root: ImageSection?
        if let primary { root = try Self.section(primary, "system", file.raw) }
        var overlays: [ImageSection] = []
        var data: [ImageSection] = []
        for object in image.objects {
            switch object.partition?.role {
            case SIFPartitionRole.overlay? where primary?.group == object.group && object.group != 0:
                overlays.append(try Self.section(object, "overlay", file.raw))
            case SIFPartitionRole.data?: data.append(try Self.section(object, "data", file.raw))
            default: break
            }
        }
        self.init(
            kind: .sif, descriptor: file, path: path, isWritable: isWritable, root: root, overlays: overlays,
            data: data,
            architecture: image.header.architecture, sif: image)
    }

    private static func section(
        _ object: SIFDescriptor, _ use: String, _ file: CInt
    ) throws(SkiffError) -> ImageSection {
        try section(object.partition?.filesystem ?? .raw, object.range, id: object.id, use, file)
    }

    /// The superblock must match what the partition is said to be. Encrypted and raw ones have nothing that could be
    /// checked.
    static func section(
        _ filesystem: SIFFilesystem, _ range: ByteRange, id: UInt32, _ use: String, _ file: CInt
    ) throws(SkiffError) -> ImageSection {
        let context = "while checking \(use) partition header"
        switch filesystem {
        case .squashfs, .ext3:
            let head = try during("\(context): failed to read SIF partition at offset \(range.offset)") {
                () throws(Errno) in try readBytes(file, at: range.offset, count: Superblock.size)
            }
            guard head.count == Superblock.size else {
                throw SkiffError("\(context): failed to read SIF partition at offset \(range.offset): EOF")
            }
            try check(head.span.bytes, filesystem, context)
        case .encryptedSquashfs, .gocryptfsSquashfs, .raw: break
        default: throw SkiffError("\(context): unknown filesystem type \(filesystem.label)")
        }
        return ImageSection(filesystem: filesystem, range: range, id: id)
    }

    private static func check(_ head: RawSpan, _ filesystem: SIFFilesystem, _ context: String) throws(SkiffError) {
        let isSquashfs = filesystem == .squashfs
        let name = isSquashfs ? "squashfs" : "ext3"
        let reason: String
        switch isSquashfs ? Superblock.squashfs(head) : Superblock.ext3(head) {
        case .found(offset: 0): return
        case .broken(let text): reason = text
        case .found, .notMine:
            reason =
                isSquashfs
                ? "while parsing squashfs super block: not a valid squashfs image" : "file is not a valid ext3 image"
        }
        throw SkiffError("\(context): error while checking \(name) header: \(reason)")
    }
}
