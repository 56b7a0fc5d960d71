import PluginAPI
import PluginKit

/// `overlay resize` and `overlay rollback`: another file system in the place of the overlay. It is made in a file beside the
/// image, and put into its place when it is whole: a command that is killed has changed nothing.
struct OverlayRewriting {
    let session: Session
    let image: String

    private let isSparse: Bool

    init(_ session: Session, image: String) throws(PluginError) {
        (self.session, self.image) = (session, image)
        isSparse = try session.flag("sparse").last == "true"
    }

    func resize(to size: Int64) throws(PluginError) {
        let overlay = try OverlayFile(image, session, "resize", isChanged: true)
        defer { overlay.edit?.close() }
        try overlay.edit?.refuseSigned(image, "could not resize its overlay")
        let tools = ExtTools(session: session)
        let copy = try NewFile(image, session)
        try setLength(copy.descriptor, overlay.size)
        try self.copy(overlay.descriptor, overlay.offset, to: copy.descriptor, size: overlay.size)
        try tools.settle(copy.descriptor)
        try tools.resize(copy.descriptor, to: size)
        try setLength(copy.descriptor, size)
        try put(copy, size: size, into: overlay)
    }

    func rollBack(to snapshot: String) throws(PluginError) {
        let overlay = try OverlayFile(image, session, "roll back", isChanged: true)
        defer { overlay.edit?.close() }
        try overlay.edit?.refuseSigned(image, "could not roll its overlay back")
        let source = try OverlayFile(snapshot, session, "read", isChanged: false)
        guard source.edit == nil else {
            throw PluginError("cannot roll back to \(snapshot): it is a SIF file, not a snapshot")
        }
        let copy = try NewFile(image, session)
        try setLength(copy.descriptor, source.size)
        try self.copy(source.descriptor, 0, to: copy.descriptor, size: source.size)
        try put(copy, size: source.size, into: overlay)
    }

    /// Lets the new file system, if it has no errors, take the place of the old one.
    private func put(_ copy: NewFile, size: Int64, into overlay: OverlayFile) throws(PluginError) {
        try ExtTools(session: session).settle(copy.descriptor)
        guard let edit = overlay.edit, let section = overlay.section else {
            if !isSparse { try setRoomAside(copy.descriptor, 0, size, image) }
            return try copy.replace(overlay.descriptor, session)
        }
        let source = copy.descriptor
        try edit.replace(section.id, size: size) { place throws(PluginError) in
            if !isSparse { try setRoomAside(place.descriptor, place.offset, size, image) }
            try self.copy(source, 0, to: place.descriptor, at: place.offset, size: size)
        }
        try edit.commit()
    }

    private func copy(_ source: Int32, _ offset: Int64, to target: Int32, at place: Int64 = 0, size: Int64)
        throws(PluginError)
    {
        do throws(SystemError) {
            try Host.copy(source, from: offset, to: target, at: place, size: size)
        } catch {
            throw PluginError("cannot copy the overlay of \(image)", error)
        }
    }

    private func setLength(_ descriptor: Int32, _ size: Int64) throws(PluginError) {
        do throws(SystemError) {
            try Host.setLength(descriptor, size)
        } catch {
            throw PluginError("cannot make an overlay of \(readableSize(size)) in \(image)", error)
        }
    }
}

/// `overlay snapshot`: the overlay as it is, in a file of its own. Blocks are shared where the file system can.
struct OverlaySnapshot {
    let session: Session
    let image: String

    init(_ session: Session, image: String) { (self.session, self.image) = (session, image) }

    func save(as path: String) throws(PluginError) {
        let overlay = try OverlayFile(image, session, "save", isChanged: false)
        defer { overlay.edit?.close() }
        let file = try NewFile(path, session)
        do throws(SystemError) {
            try Host.setLength(file.descriptor, overlay.size)
            try Host.copy(
                overlay.descriptor, from: overlay.offset, to: file.descriptor, at: 0, size: overlay.size)
        } catch {
            throw PluginError("cannot save the overlay of \(image) as \(path)", error)
        }
        try file.publish()
    }
}
