import PluginAPI
import PluginKit

/// An image file that has an overlay, or is one.
struct OverlayFile {
    let path: String
    /// Nil for a file that is the overlay.
    let edit: ImageEdit?
    /// The overlay's partition.
    let section: ImageEdit.Section?
    /// Of the file system.
    let offset: Int64
    let size: Int64
    let superblock: ExtSuperblock
    private let file: HostFile?
    /// Lent.
    let descriptor: Int32

    /// Opens the file, and locks the overlay: alone for a change, else together with others who only read.
    ///
    /// - Parameter verb: `resize`, for messages.
    init(_ path: String, _ session: Session, _ verb: String, isChanged: Bool) throws(PluginError) {
        self.path = path
        if let edit = try session.edit(path, isReadOnly: !isChanged) {
            let section = try edit.overlay(of: path, verb)
            (self.edit, self.section, descriptor) = (edit, section, try edit.descriptor())
            file = nil
            (offset, size) = (section.offset, section.size)
        } else {
            let file: HostFile
            do throws(SystemError) {
                file = try HostFile(path, isChanged ? .readWrite : .read)
                size = try Host.facts(of: file.descriptor).size
            } catch {
                throw PluginError("cannot open \(path)", error)
            }
            (edit, section, descriptor, offset) = (nil, nil, file.descriptor, 0)
            self.file = file
        }
        superblock = try Self.superblock(descriptor, offset, size, path, verb)
        try lockOverlay(descriptor, offset, size, path, isChanged: isChanged)
    }

    var end: Int64 { offset + size }

    private static func superblock(
        _ descriptor: Int32, _ offset: Int64, _ size: Int64, _ path: String, _ verb: String
    ) throws(PluginError) -> ExtSuperblock {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Host.read(descriptor, at: offset, count: Int(min(size, 2048)))
        } catch {
            throw PluginError("cannot read the overlay of \(path)", error)
        }
        guard let superblock = ExtSuperblock(bytes) else {
            throw PluginError("cannot \(verb) the overlay of \(path): it is no ext3 file system")
        }
        guard superblock.size <= size else {
            throw PluginError(
                "cannot \(verb) the overlay of \(path): its superblock tells of \(superblock.size) bytes, and it has \(size)"
            )
        }
        return superblock
    }
}

/// Takes the lock that Apptainer takes, on the bytes of the file system.
func lockOverlay(_ descriptor: Int32, _ offset: Int64, _ size: Int64, _ path: String, isChanged: Bool)
    throws(PluginError)
{
    do throws(SystemError) {
        if try Host.lock(descriptor, offset: offset, size: size, exclusive: isChanged) { return }
    } catch {
        // Some cluster file systems have no locks.
        Kit.log(.verbose, "cannot lock the overlay of \(path): \(error)")
        return
    }
    throw PluginError("cannot use the overlay of \(path): currently in use by another process")
}

extension ImageEdit.Section {
    /// Docs/spec/sif.md §5.1.
    static let (squashfs, ext3, encrypted): (UInt32, UInt32, UInt32) = (1, 2, 5)
    static let (primary, overlay): (UInt32, UInt32) = (2, 4)

    var isPrimary: Bool { type == Self.partition && role == Self.primary }
    var isOverlay: Bool { type == Self.partition && role == Self.overlay }
    var isWritableOverlay: Bool { isOverlay && filesystem == Self.ext3 }
}

extension ImageEdit {
    /// Returns the one writable overlay.
    func overlay(of path: String, _ verb: String) throws(PluginError) -> Section {
        let found = try sections().filter(\.isWritableOverlay)
        if found.count > 1 {
            let ids = found.map { String($0.id) }.joined(separator: " and ")
            throw PluginError("cannot \(verb) the overlay of \(path): objects \(ids) are both writable overlays")
        }
        guard let section = found.first else {
            throw PluginError("cannot \(verb) the overlay of \(path): it has no writable overlay partition")
        }
        return section
    }

    /// Refuses a change of a signed image.
    func refuseSigned(_ path: String, _ reason: String) throws(PluginError) {
        guard let signature = try sections().first(where: { $0.type == Section.signature }) else { return }
        throw PluginError(
            "SIF image \(path) is signed: \(reason)\n"
                + "What the signatures cover must stay as it is. Delete them first: skiff sif del \(signature.id) \(path)"
        )
    }
}
