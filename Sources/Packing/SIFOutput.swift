package import Base
package import Core
import Linux

/// A SIF around a squashfs: definition, generic objects by name, squashfs, in the order of Docs/spec/deffile.md §8.3. The
/// squashfs is written straight into the SIF at its offset.
package struct SIFOutput {
    private let definition: [UInt8]
    private let objects: [BaseContent.File]
    private let creation: SIFCreation

    /// - Parameters:
    ///   - definition: the text of the definition.
    ///   - objects: generic objects that the image has besides its record.
    ///   - record: what the image says about itself.
    package init(
        definition: [UInt8], objects: [BaseContent.File] = [], record: InspectMetadata, creation: SIFCreation
    ) {
        (self.definition, self.creation) = (definition, creation)
        let text = Array(record.json.text().utf8)
        let all = objects + [.init(path: SIFImage.metadataName, bytes: text, mode: 0)]
        self.objects = all.sorted { $0.path < $1.path }
    }

    /// Writes the file and makes sure that it reaches the disk.
    ///
    /// - Parameters:
    ///   - path: must not exist.
    ///   - role: what the squashfs is for.
    ///   - write: writes the squashfs into the open file at an offset, and returns its length in bytes.
    package func write(
        _ path: String, _ role: SIFPartitionRole, _ architecture: SIFArchitecture,
        _ write: (CInt, Int64) throws(SkiffError) -> Int64
    ) throws(SkiffError) {
        let file = try during("cannot make \(path)") { () throws(Errno) in
            try open(path, [.readWrite, .create, .exclusive], mode: 0o777)
        }
        var editor = try SIFEditor(creating: creation, on: file.raw)
        _ = try editor.add(SIFNewObject(.definition), bytes: definition)
        for object in objects {
            _ = try editor.add(SIFNewObject(.genericJSON, name: object.path), bytes: object.bytes)
        }
        let offset = try editor.beginObject(.partition(.squashfs, role, architecture))
        _ = try editor.finishObject(size: try write(file.raw, offset))
        try editor.commit()
        try during("cannot write \(path)") { () throws(Errno) in try Linux.fsync(file.raw) }
    }
}
