package import PluginKit

/// A file system in a file that is an overlay.
package struct OverlayPart: Sendable, Equatable {
    /// `squashfs`, `erofs`, `ext3`, or `ext4` for what has features that ext3 lacks.
    package let filesystem: String
    package let file: FilePart

    package init(filesystem: String, file: FilePart) { (self.filesystem, self.file) = (filesystem, file) }

    package var isWritable: Bool { filesystem.hasPrefix("ext") }

    /// Adds it as a layer; `upper` and `work` lie in it as Apptainer has them.
    func add(_ isWritten: Bool, to session: Session, reason: String, _ path: String) throws(PluginError) {
        if isWritable { _ = try file.superblock(of: path, isWritten: isWritten) }
        let directory = isWritable ? "upper" : nil
        try session.add(
            .served(
                file, filesystem: filesystem, isWritable: isWritten, directory: directory,
                work: isWritten ? "work" : nil),
            reason: reason)
    }
}

/// The overlays in the file that `--overlay` names.
package struct OverlayImage {
    package let file: HostFile
    package let parts: [OverlayPart]
    /// Which one is written.
    package let written: Int?

    /// - Parameter warn: called when a writable overlay turns out to be read-only.
    /// - Returns: nil for a directory.
    package init?(_ spec: OverlaySpec, warn: (String) -> Void) throws(OverlayProblem) {
        let found: [OverlayPart]?
        let opened: (file: HostFile, isWritable: Bool)
        do throws(SystemError) {
            if try Host.kind(of: spec.path) == .directory { return nil }
            guard try Host.kind(of: spec.path) == .file else { throw .noDevice }
            opened = try Self.open(try Host.realPath(spec.path), spec, warn)
            file = opened.file
            found = try Self.parts(of: file)
        } catch {
            throw OverlayProblem("cannot open overlay \(spec.path)", error)
        }
        guard let found, !found.isEmpty else {
            throw OverlayProblem(
                "cannot use overlay \(spec.path): "
                    + (found == nil
                        ? "it is neither an ext3, squashfs or erofs image, nor a SIF with an overlay"
                        : "this SIF has no overlay partition"))
        }
        parts = found
        let last = parts.lastIndex { $0.isWritable }
        if !spec.isReadOnly && last == nil {
            warn("Overlay \(spec.path) is a read-only file system, using it read-only")
        }
        written = opened.isWritable ? last : nil
    }

    private static func open(_ path: String, _ spec: OverlaySpec, _ warn: (String) -> Void) throws(SystemError)
        -> (file: HostFile, isWritable: Bool)
    {
        if spec.isReadOnly { return (try HostFile(path, .read), false) }
        do throws(SystemError) {
            return (try HostFile(path, .readWrite), true)
        } catch {
            guard [.accessDenied, .notPermitted, .readOnlyFilesystem].contains(error) else { throw error }
            warn("Overlay \(spec.path) is not writable, using it read-only")
            return (try HostFile(path, .read), false)
        }
    }

    /// The magic number 0xE0F5E1E2 of `erofs_super_block`, little-endian; Documentation/filesystems/erofs.rst.
    private static func isErofs(_ start: [UInt8]) -> Bool {
        start.count >= 2048 && start[1024..<1028].elementsEqual([0xE2, 0xE1, 0xF5, 0xE0])
    }

    /// - Returns: nil for a file that is no image.
    static func parts(of file: HostFile) throws(SystemError) -> [OverlayPart]? {
        let size = UInt64(clamping: try Host.facts(of: file.descriptor).size)
        let start = try Host.read(file.descriptor, at: 0, count: 2048)
        if start.dropFirst(32).starts(with: "SIF_MAGIC".utf8) {
            return try SIFOverlays.find(in: file.descriptor, size: size)
        }
        let whole = FilePart(descriptor: file.descriptor, offset: 0, size: size)
        if start.starts(with: "hsqs".utf8) { return [OverlayPart(filesystem: "squashfs", file: whole)] }
        if Self.isErofs(start) { return [OverlayPart(filesystem: "erofs", file: whole)] }
        return ExtSuperblock(start).map { [OverlayPart(filesystem: $0.driver, file: whole)] }
    }
}

/// The overlay partitions of a SIF; Docs/spec/sif.md.
package enum SIFOverlays {
    private static let descriptorSize = 585

    /// - Returns: in the order of the file; those that lie outside of it are left out.
    package static func find(in descriptor: Int32, size: UInt64) throws(SystemError) -> [OverlayPart] {
        let header = try Host.read(descriptor, at: 0, count: 128)
        guard header.count == 128 else { return [] }
        let count = min(number(header, 88, 8), 4096)
        let table = try Host.read(
            descriptor, at: Int64(clamping: number(header, 96, 8)), count: Int(count) * descriptorSize)
        return stride(from: 0, to: table.count - table.count % descriptorSize, by: descriptorSize).compactMap { start in
            let entry = Array(table[start..<start + descriptorSize])
            // Used, a partition, and an overlay.
            guard entry[4] != 0, number(entry, 0, 4) == 0x4004, number(entry, 205, 4) == 4 else { return nil }
            let (offset, length, type) = (number(entry, 17, 8), number(entry, 25, 8), number(entry, 201, 4))
            guard offset <= size, length <= size - offset, type == 1 || type == 2 else { return nil }
            return OverlayPart(
                filesystem: type == 1 ? "squashfs" : "ext3",
                file: FilePart(descriptor: descriptor, offset: offset, size: length))
        }
    }

    private static func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> UInt64 {
        bytes[start..<start + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
