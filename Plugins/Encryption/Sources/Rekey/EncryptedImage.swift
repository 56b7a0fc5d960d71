import PluginAPI
import PluginKit

/// A SIF file with an encrypted root, open for a command.
struct EncryptedImage {
    let path: String
    let edit: ImageEdit
    let kind: VolumeFilesystem
    let partition: ImageEdit.Section
    /// The objects with wrapped secrets, in the order of the file: Apptainer looks at the first alone.
    let messages: [ImageEdit.Section]
    let signatures: [ImageEdit.Section]
    let unlocking: LUKSUnlocking

    private static let primary: UInt32 = 2

    init(_ path: String, _ session: Session, isReadOnly: Bool) throws(PluginError) {
        guard let edit = try session.edit(path, isReadOnly: isReadOnly) else {
            throw PluginError("cannot look for keys in \(path): it is no SIF file")
        }
        let sections = try edit.sections()
        guard let root = sections.first(where: { $0.type == ImageEdit.Section.partition && $0.role == Self.primary }),
            let kind = VolumeFilesystem(rawValue: root.filesystem)
        else {
            edit.close()
            throw PluginError(
                "cannot look for keys in \(path): it is not encrypted\nskiff build --encrypt makes an image that is")
        }
        (self.path, self.edit, self.kind, partition) = (path, edit, kind, root)
        messages = sections.filter { $0.type == KeyMessage.type && $0.link == root.id }
        signatures = sections.filter { $0.type == ImageEdit.Section.signature }
        unlocking = LUKSUnlocking(
            path: path,
            part: FilePart(
                descriptor: try edit.descriptor(), offset: UInt64(clamping: root.offset),
                size: UInt64(clamping: root.size)))
    }

    /// Returns the bytes of an object; none of the objects here is large.
    func bytes(_ section: ImageEdit.Section) throws(PluginError) -> [UInt8] {
        guard section.size <= Int64(PEMBlock.longest) else {
            throw PluginError("cannot read object \(section.id) of \(path): it has \(section.size) bytes")
        }
        let descriptor = try edit.descriptor()
        do throws(SystemError) {
            return try Host.read(descriptor, at: section.offset, count: Int(section.size))
        } catch {
            throw PluginError("cannot read object \(section.id) of \(path)", error)
        }
    }
}
