package import Base
import Linux

/// The images that binds come out of (`image-src`, `id`; Docs/spec/runtime.md §2.6). A file system in one is opened once,
/// however many binds come out of it: for writing, if one of them writes.
package struct BoundImages: Sendable {
    private var parts: [ServedLayer] = []
    /// Which of them a bind comes out of.
    private var uses: [(bind: Request.Bind, part: Int)] = []
    package private(set) var messages: [PlanMessage] = []

    package init() {}

    /// - Throws: for an image that is not there, is none, or that the configuration forbids.
    package init(_ request: Request, _ settings: Settings, _ host: HostFacts) throws(SkiffError) {
        guard settings.userBindControl else { return }
        for bind in request.binds where bind.part != nil {
            var part = try Self.open(bind, settings, host)
            if !bind.readOnly && part.isLocked && !part.isWritable {
                messages.append(.warning("Data image \(bind.source) is not writable, proceeding with read-only"))
            }
            if let index = parts.firstIndex(where: { Self.isSame($0, part) }) {
                if part.isWritable && !parts[index].isWritable { swap(&part, &parts[index]) }
                try? OwnedFD(adopting: part.file).close()
                uses.append((bind, index))
            } else {
                parts.append(part)
                uses.append((bind, parts.count - 1))
            }
        }
    }

    /// Open as long as the command lives.
    package var descriptors: [Int32] { parts.map(\.file) }
    /// Whether a plugin may have to serve one, or to put it right.
    package var needService: Bool { parts.contains(where: \.isLocked) }

    func image(of bind: Request.Bind) -> ServedLayer? { uses.first { $0.bind == bind }.map { parts[$0.part] } }

    private static func isSame(_ one: ServedLayer, _ other: ServedLayer) -> Bool {
        guard one.range == other.range, let left = try? status(of: one.file), let right = try? status(of: other.file)
        else { return false }
        return left.isSameFile(as: right)
    }

    private static func open(_ bind: Request.Bind, _ settings: Settings, _ host: HostFacts) throws(SkiffError)
        -> ServedLayer
    {
        let image: ImageSource
        do throws(SkiffError) {
            image = try ImageSource.open(bind.source, writable: !bind.readOnly)
        } catch {
            throw error.inside("while loading data bind images: failed to load data image \(bind.source)")
        }
        guard image.kind != .directory else {
            throw SkiffError(
                "could not use \(bind.source) for image binding: not supported image format",
                hint: "image-src and id are for SIF, squashfs and ext3 files: bind a directory without them")
        }
        try ImageFacts.checkConfiguration(image, settings, host)
        let section = try section(bind.part?.id, of: image)
        let filesystem: String
        switch section.filesystem {
        case .squashfs: filesystem = "squashfs"
        case .ext3: filesystem = "ext3"
        default:
            let kind = section.filesystem.isEncrypted ? "it is encrypted" : "it is \(section.filesystem.label)"
            throw SkiffError("cannot bind from \(image.path): \(kind), not squashfs or ext3")
        }
        let (path, isWritable) = (image.path, image.isWritable && filesystem == "ext3" && !bind.readOnly)
        return ServedLayer(
            path: path, file: image.takeDescriptor().release(), range: section.range, filesystem: filesystem,
            isWritable: isWritable)
    }

    /// Like Apptainer: without a number the first data partition of a SIF, with one any that has a file system.
    private static func section(_ id: UInt32?, of image: borrowing ImageSource) throws(SkiffError) -> ImageSection {
        guard image.kind == .sif else {
            guard let root = image.root else { throw SkiffError("no data partition found in \(image.path)") }
            return root
        }
        let all = [image.root].compactMap { $0 } + image.overlays + image.data
        guard let found = id == nil ? image.data.first : all.first(where: { $0.id == id }) else {
            let path = image.path
            throw SkiffError(
                "no data partition found in \(path)",
                hint: all.isEmpty
                    ? nil
                    : "The file systems in it have the numbers " + all.map { "id=\($0.id)" }.joined(separator: ", "))
        }
        return found
    }
}
