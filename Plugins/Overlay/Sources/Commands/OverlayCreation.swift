import PluginAPI
import PluginKit

/// `overlay create`: an ext3 or ext4 overlay in a file of its own, or in a SIF.
struct OverlayCreation {
    private let session: Session
    private let image: String
    private let size: Int64
    /// `ext3` or `ext4`.
    private let type: String
    private let isSparse: Bool
    private let isForFakeroot: Bool

    init(_ session: Session, image: String) throws(PluginError) {
        (self.session, self.image) = (session, image)
        size = try OverlaySize(try session.flag("size").last ?? "64").bytes
        type = try session.flag("fs").last ?? "ext3"
        guard ["ext3", "ext4"].contains(type) else {
            throw PluginError("cannot make an overlay of \(type): --fs is ext3 or ext4")
        }
        isSparse = try session.flag("sparse").last == "true"
        let isRootless = try session.number("rootless") == 1
        isForFakeroot = try session.flag("fakeroot").last == "true" && isRootless
    }

    func run() throws(PluginError) {
        if type == "ext4" { Kit.log(.warning, "Apptainer uses ext3 overlays alone: it will refuse \(image)") }
        guard let kind = try? Host.kind(of: image) else { return try makeFile() }
        switch kind {
        case .directory: throw PluginError("destination image must be SIF image")
        case .file: break
        case .symlink, .other: throw PluginError("cannot make an overlay in \(image): it is not a regular file")
        }
        if let edit = try session.edit(image) {
            defer { edit.close() }
            return try append(to: edit)
        }
        let bytes = (try? Host.head(image, count: 2048)) ?? []
        if let found = ExtSuperblock(bytes) {
            throw PluginError("\(found.type.uppercased()) overlay image \(image) already exists")
        }
        throw PluginError("while opening image file \(image): image format not recognized")
    }

    private func append(to edit: ImageEdit) throws(PluginError) {
        let sections = try edit.sections()
        guard let root = sections.first(where: \.isPrimary) else {
            throw PluginError("while getting root FS partition: no root filesystem found")
        }
        if root.filesystem == ImageEdit.Section.encrypted {
            throw PluginError("encrypted root FS partition in \(image): could not add writable overlay")
        }
        try edit.refuseSigned(image, "could not add writable overlay")
        if let overlay = sections.first(where: \.isWritableOverlay) {
            throw PluginError(
                "a writable overlay partition already exists in \(image) (ID: \(overlay.id)), delete it first with "
                    + "\"skiff sif del \(overlay.id) \(image)\"")
        }
        let partition = ImageEdit.NewPartition(
            group: root.group, filesystem: ImageEdit.Section.ext3, role: ImageEdit.Section.overlay, size: size)
        let skeleton = try skeleton()
        _ = try edit.append(partition) { place throws(PluginError) in
            try fill(place.descriptor, place.offset, skeleton)
        }
        try edit.commit()
    }

    private func makeFile() throws(PluginError) {
        if (try? Host.kind(of: image, followingLinks: false)) == .symlink {
            throw PluginError("cannot make the overlay \(image): it is a link that leads nowhere")
        }
        let file = try NewFile(image, session)
        do throws(SystemError) {
            try Host.setLength(file.descriptor, size)
        } catch {
            throw PluginError("cannot make the overlay \(image)", error)
        }
        try fill(file.descriptor, 0, try skeleton())
        try file.publish()
    }

    private func skeleton() throws(PluginError) -> OverlaySkeleton {
        try OverlaySkeleton(session, directories: try session.flag("create-dir"))
    }

    /// Room that is not sparse is taken before anything is written, so that a full disk is found at once; and again
    /// afterwards, because mke2fs gives back what it does not need.
    private func fill(_ descriptor: Int32, _ offset: Int64, _ skeleton: OverlaySkeleton) throws(PluginError) {
        if !isSparse { try setRoomAside(descriptor, offset, size, image) }
        try ExtTools(session: session).make(
            type, in: descriptor, offset: offset, size: size, skeleton: skeleton.path, asRoot: isForFakeroot)
        if !isSparse { try setRoomAside(descriptor, offset, size, image) }
    }
}

/// Gives a part of a file its blocks, so that the disk cannot be full later.
func setRoomAside(_ descriptor: Int32, _ offset: Int64, _ size: Int64, _ image: String) throws(PluginError) {
    do throws(SystemError) {
        try Host.allocate(descriptor, offset: offset, size: size)
    } catch {
        if error == .notSupported {
            return Kit.log(.verbose, "The file system of \(image) cannot set room aside: the overlay is sparse")
        }
        throw PluginError(
            "cannot make an overlay of \(readableSize(size)) in \(image)\nWith --sparse it takes only the room it needs",
            error)
    }
}
