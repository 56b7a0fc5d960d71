import CLinux
import Core
import Linux
import PluginAPI

// `add_layer` of `skiff.host.plan/2`.

/// overlayfs takes up to 500, whose names must fit into a page.
private let mostLayers = 200

func addLayer(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_layer>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.prepare, .mounts]) else { return SKIFF_E_PHASE }
    guard let layer = readRequest(request, into: skiff_layer()) else {
        return session.refuse(unread: request, "layer")
    }
    let path = text(layer.path) ?? ""
    let work = text(layer.work) ?? ""
    let kind: Layer.Kind
    switch Int32(bitPattern: layer.kind) {
    case SKIFF_LAYER_KIND_LOWER where isDestination(path): kind = .lower(path)
    case SKIFF_LAYER_KIND_UPPER where isDestination(path) && isDestination(work): kind = .upper(path, work: work)
    case SKIFF_LAYER_KIND_TEMPORARY_UPPER: kind = .temporaryUpper
    case SKIFF_LAYER_KIND_SERVED:
        guard let image = servedLayer(layer, session) else { return session.refusal }
        kind = .served(image)
    default: return session.refuse(SKIFF_E_INVALID, "cannot use a layer: kind and path do not fit")
    }
    guard (session.draft?.layers.count ?? 0) < mostLayers else {
        return session.refuse(SKIFF_E_INVALID, "cannot use more than \(mostLayers) layers")
    }
    let new = Layer(kind, reason: reason(layer.reason, session), origin: session.plugin.manifest.id)
    if new.isWritable, let other = session.draft?.layers.first(where: \.isWritable) {
        return session.refuse(SKIFF_E_INVALID, "cannot use a second writable layer besides that of \(other.origin)")
    }
    session.draft?.layers.append(new)
    return SKIFF_OK
}

/// Reads a layer of kind `SERVED`. The file stays open under a number of ours.
/// - Returns: nil after the reason was said.
private func servedLayer(_ layer: skiff_layer, _ session: Session) -> ServedLayer? {
    func refuse(_ status: Int32, _ reason: String, _ errno: Errno? = nil) -> ServedLayer? {
        _ = session.refuse(status, "cannot use an image as a layer: \(reason)", errno: errno)
        return nil
    }
    let isWritable = layer.flags & UInt32(SKIFF_LAYER_FLAG_WRITABLE) != 0
    guard layer.flags & ~UInt32(SKIFF_LAYER_FLAG_WRITABLE) == 0 else {
        return refuse(SKIFF_E_NOT_UNDERSTOOD, "there is no flag \(layer.flags)")
    }
    guard let type = text(layer.filesystem), isFilesystemName(type) else {
        return refuse(SKIFF_E_INVALID, "its file system has no name")
    }
    do throws(Errno) {
        let facts = try status(of: layer.fd)
        guard facts.isRegular || facts.isBlockDevice else { return refuse(SKIFF_E_INVALID, "it is no file") }
        guard let offset = Int64(exactly: layer.offset), let size = Int64(exactly: layer.size), size > 0,
            facts.isBlockDevice || (offset <= facts.size && size <= facts.size - offset)
        else { return refuse(SKIFF_E_INVALID, "it ends outside of its file") }
        if isWritable, try !isOpenForWriting(layer.fd) {
            return refuse(SKIFF_E_DENIED, "its file is not open for writing")
        }
        let copy = try duplicate(layer.fd)
        var image = ServedLayer(
            path: String(bytes: try readLink(ofProcess: layer.fd)), file: copy.release(),
            range: ByteRange(offset: offset, size: size), filesystem: type, isWritable: isWritable,
            directory: text(layer.path), work: text(layer.work))
        if type == "squashfs" { image.hasAttributes = try hasAttributes(image) }
        return image
    } catch {
        return refuse(SKIFF_E_SYSTEM, "its descriptor cannot be used", error)
    }
}

/// Bytes 56 to 63 of the superblock say where they are, or that there are none; Docs/spec/squashfs-and-ext3.md §1.1.
private func hasAttributes(_ image: ServedLayer) throws(Errno) -> Bool {
    let start = try readBytes(image.file, at: image.range.offset, count: 64)
    return start.count == 64 && start[56...].contains { $0 != 0xFF }
}

private func isFilesystemName(_ name: String) -> Bool {
    (1...32).contains(name.utf8.count)
        && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || "-.".utf8.contains($0) }
}
