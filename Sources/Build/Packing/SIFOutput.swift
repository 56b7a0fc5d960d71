import Base
import Core
import Inspect
import Linux
import SquashfsWriter

/// A SIF around a root file system: definition, generic objects by name, squashfs, in the order of
/// Docs/spec/deffile.md §8.3. The squashfs is written straight into the SIF at its offset.
struct SIFOutput {
    let definition: Definition
    /// More objects beside the description of the image.
    let objects: [BaseContent.File]
    let creation: SIFCreation

    /// Writes `path`, which must not exist.
    ///
    /// - Parameter pack: writes the squashfs into the open file at an offset; answers its length.
    func write(
        _ path: String, _ architecture: SIFArchitecture, _ description: InspectMetadata,
        pack: (CInt, Int64) throws(SkiffError) -> Int64
    ) throws(SkiffError) {
        let file = try during("cannot make \(path)") { () throws(Errno) in
            try open(path, [.readWrite, .create, .exclusive], mode: 0o777)
        }
        var editor = try SIFEditor(creating: creation, on: file.raw)
        _ = try editor.add(SIFNewObject(.definition), bytes: definition.text)
        let record = Array(description.json.text().utf8)
        let all = objects + [.init(path: InspectMetadata.objectName, bytes: record, mode: 0)]
        for object in all.sorted(by: { $0.path < $1.path }) {
            _ = try editor.add(SIFNewObject(.genericJSON, name: object.path), bytes: object.bytes)
        }
        let offset = try editor.beginObject(.partition(.squashfs, .primarySystem, architecture))
        _ = try editor.finishObject(size: try pack(file.raw, offset))
        try editor.commit()
        try during("cannot write \(path)") { () throws(Errno) in try Linux.fsync(file.raw) }
    }
}
