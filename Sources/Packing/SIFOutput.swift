package import Base
package import Core
import Linux
package import SquashfsWriter

/// A SIF around a squashfs: definition, generic objects by name, squashfs, in the order of Docs/spec/deffile.md §8.3. The
/// squashfs is written straight into the SIF at its offset.
package struct SIFOutput {
    private let definition: [UInt8]
    private let objects: [BaseContent.File]
    private let creation: SIFCreation
    private let encryption: (any RootEncryption)?

    /// - Parameters:
    ///   - definition: the text of the definition.
    ///   - objects: generic objects that the image has besides its record.
    ///   - record: what the image says about itself.
    ///   - encryption: nil for a squashfs that everybody can read.
    package init(
        definition: [UInt8], objects: [BaseContent.File] = [], record: InspectMetadata, creation: SIFCreation,
        encryption: (any RootEncryption)? = nil
    ) {
        (self.definition, self.creation, self.encryption) = (definition, creation, encryption)
        let text = Array(record.json.text().utf8)
        let all = objects + [.init(path: SIFImage.metadataName, bytes: text, mode: 0)]
        self.objects = all.sorted { $0.path < $1.path }
    }

    /// Writes the file and makes sure that it reaches the disk.
    ///
    /// - Parameters:
    ///   - path: must not exist.
    ///   - role: what the squashfs is for.
    ///   - write: writes the squashfs, and returns its length in bytes.
    package func write(
        _ path: String, _ role: SIFPartitionRole, _ architecture: SIFArchitecture,
        _ write: (SquashfsOutput) throws(SkiffError) -> Int64
    ) throws(SkiffError) {
        let file = try during("cannot make \(path)") { () throws(Errno) in
            try open(path, [.readWrite, .create, .exclusive], mode: 0o777)
        }
        var editor = try SIFEditor(creating: creation, on: file.raw)
        _ = try editor.add(SIFNewObject(.definition), bytes: definition)
        for object in objects {
            _ = try editor.add(SIFNewObject(.genericJSON, name: object.path), bytes: object.bytes)
        }
        let filesystem = encryption?.filesystem ?? .squashfs
        let offset = try editor.beginObject(.partition(filesystem, role, architecture))
        if let encryption {
            let root = try encryption.begin(file: file.raw, offset: offset, path: path)
            let (message, size) = (root.message, try encrypt(root, file.raw, offset, write))
            // What was taken back behind the end, as duplicates are, is not part of the image.
            try during("cannot write \(path)") { () throws(Errno) in try ftruncate(file.raw, offset + size) }
            let partition = try editor.finishObject(size: size)
            if let message {
                let object = SIFNewObject(
                    .cryptoMessage, link: .object(partition.id), extra: .cryptoMessage(format: .pem, message: .rsaOAEP))
                try editor.add(object, bytes: message)
            }
        } else {
            _ = try editor.finishObject(size: try write(SquashfsOutput(file: file.raw, offset: offset)))
        }
        try editor.commit()
        try during("cannot write \(path)") { () throws(Errno) in try Linux.fsync(file.raw) }
    }

    private func encrypt(
        _ root: any EncryptedRoot, _ file: CInt, _ offset: Int64, _ write: (SquashfsOutput) throws(SkiffError) -> Int64
    ) throws(SkiffError) -> Int64 {
        let length: Int64
        do throws(SkiffError) {
            length = try write(SquashfsOutput(file: file, offset: offset, volume: root))
        } catch {
            root.abandon()
            throw error
        }
        return try root.finish(plainSize: length)
    }
}
