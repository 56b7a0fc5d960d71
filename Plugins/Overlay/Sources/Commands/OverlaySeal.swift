import PluginAPI
import PluginKit

/// `overlay seal`: squashfs in the place of the ext3 file system. It is packed into a file beside the image, and put into its
/// place when it is whole: a command that is killed has changed nothing.
struct OverlaySeal {
    private let session: Session
    private let image: String

    init(_ session: Session, image: String) { (self.session, self.image) = (session, image) }

    func run() throws(PluginError) {
        let overlay = try OverlayFile(image, session, "seal", isChanged: true)
        defer { overlay.edit?.close() }
        try overlay.edit?.refuseSigned(image, "could not seal its overlay")
        let tools = ExtTools(session: session)
        try tools.settle(overlay.descriptor, offset: overlay.offset, size: overlay.size)
        let packed = try NewFile(image, session)
        try tools.seal(overlay.descriptor, offset: overlay.offset, size: overlay.size, into: packed.descriptor)
        let size: Int64
        do throws(SystemError) {
            size = try Host.facts(of: packed.descriptor).size
        } catch {
            throw PluginError("cannot look at the packed overlay", error)
        }
        if let edit = overlay.edit, let section = overlay.section {
            try put(packed, size, edit, section)
        } else {
            try packed.replace(overlay.descriptor, session)
        }
        Kit.log(
            .info,
            "The overlay of \(image) is sealed: \(readableSize(overlay.size)) of ext3 became \(readableSize(size)) of squashfs"
        )
    }

    /// The new object gets the slot, and so the number and the place in the stack, of the old one.
    private func put(_ packed: NewFile, _ size: Int64, _ edit: ImageEdit, _ section: ImageEdit.Section)
        throws(PluginError)
    {
        let before = try overlays(edit)
        let partition = ImageEdit.NewPartition(
            group: section.group, filesystem: ImageEdit.Section.squashfs, role: ImageEdit.Section.overlay, size: size)
        let (source, image) = (packed.descriptor, image)
        try edit.remove(section.id)
        let id = try edit.append(partition) { place throws(PluginError) in
            do throws(SystemError) {
                try Host.copy(source, from: 0, to: place.descriptor, at: place.offset, size: size)
            } catch {
                throw PluginError("cannot write the overlay of \(image)", error)
            }
        }
        guard try overlays(edit) == before.map({ $0 == section.id ? id : $0 }) else {
            throw PluginError(
                "cannot seal the overlay of \(image): it would lie below another one that it covers now")
        }
        try edit.commit()
    }

    /// Numbers of the overlays, lowest first.
    private func overlays(_ edit: ImageEdit) throws(PluginError) -> [UInt32] {
        try edit.sections().filter(\.isOverlay).map(\.id)
    }
}
