package import Base
import Core
import Linux
package import Packing
import Squashfs

/// The record of an image and where it comes from: the outputs differ a little, as Apptainer's do.
package struct ImageRecord {
    enum Source {
        /// The object of a SIF.
        case object
        /// The files of the image.
        case files
    }

    package let metadata: InspectMetadata
    let source: Source

    /// Opens an image and reads what it says about itself, without running anything of it.
    package init(path: String) throws(SkiffError) {
        let image: ImageSource
        do throws(SkiffError) {
            image = try ImageSource.open(path, writable: false)
        } catch {
            throw SkiffError(
                "Failed to open image \(path): \(error.message)", errno: error.errno, hint: error.hint,
                code: error.code)
        }
        if let found = try Self.object(of: image) {
            (metadata, source) = (found, .object)
        } else {
            let record = image.record
            var metadata = try Self.files(of: image, path)
            metadata.add(record)
            (self.metadata, source) = (metadata, .files)
        }
    }

    private static func object(of image: borrowing ImageSource) throws(SkiffError) -> InspectMetadata? {
        guard let sif = image.sif, let object = sif.metadata else { return nil }
        var metadata = try InspectMetadata(parsing: try readObject(object, of: image.descriptor.raw))
        if metadata.deffile.isEmpty { metadata.deffile = try definition(of: sif, image.descriptor.raw) ?? "" }
        return metadata
    }

    private static func definition(of sif: SIFImage, _ file: CInt) throws(SkiffError) -> String? {
        guard let object = sif.objects.first(where: { $0.type == .definition }) else { return nil }
        let bytes = try readObject(object, of: file)
        let end = bytes.lastIndex { $0 != 0x0A }.map { $0 + 1 } ?? 0
        return String(bytes: bytes[..<end])
    }

    private static func files(of image: consuming ImageSource, _ path: String) throws(SkiffError) -> InspectMetadata {
        if image.kind == .directory {
            let directory = try during("cannot open \(image.path)") { () throws(Errno) in
                try duplicate(image.descriptor.raw)
            }
            return try InspectMetadata.collect(root: TreeRoot(adopting: directory))
        }
        guard let root = image.root else { throw SkiffError("cannot inspect \(path): it has no root file system") }
        guard root.filesystem == .squashfs else {
            throw SkiffError(
                "cannot inspect \(path): it carries no record of itself, and its file system is not squashfs",
                hint: "Look inside with: skiff exec \(path) ls /.singularity.d")
        }
        let definition = try image.sif.flatMap { (sif) throws(SkiffError) in
            try Self.definition(of: sif, image.descriptor.raw)
        }
        let reader = try open(image.takeDescriptor(), root, path)
        var metadata = try InspectMetadata(collecting: SquashfsFiles(reader: reader))
        if let definition { metadata.deffile = definition }
        return metadata
    }

    private static func open(
        _ file: consuming OwnedFD, _ root: ImageSection, _ path: String
    ) throws(SkiffError) -> SquashfsReader {
        let source: FileSource
        do throws(Errno) {
            source = try FileSource(file, root.range)
        } catch {
            throw SkiffError("cannot read image \(path)", errno: error)
        }
        do throws(SquashfsError) {
            return try SquashfsReader(source)
        } catch {
            throw SkiffError("cannot read image \(path): \(error)")
        }
    }
}

extension InspectMetadata {
    /// Adds what a foreign image says about itself, which a container finds in place of its files.
    fileprivate mutating func add(_ record: ForeignRecord) {
        for (name, value) in record.labels { container.labels[name] = value }
        for file in record.files {
            let text = String(bytes: file.bytes.dropLast(file.bytes.last == ASCII.newline ? 1 : 0))
            switch file.path {
            case ForeignRecord.environmentPath: container.environment[file.path] = text
            case ForeignRecord.runscriptPath: container.runscript = text
            default: break
            }
        }
    }
}
