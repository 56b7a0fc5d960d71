import PluginAPI
import PluginKit

/// `overlay list`: the overlays of an image.
enum OverlayListing {
    static func print(_ image: String, _ session: Session) throws(PluginError) {
        var rows = [["ID", "FILESYSTEM", "SIZE", "OFFSET"]]
        if let edit = try session.edit(image, isReadOnly: true) {
            defer { edit.close() }
            for section in try edit.sections() where section.isOverlay {
                let name = section.filesystem == ImageEdit.Section.squashfs ? "squashfs" : "ext3"
                rows.append([String(section.id), name, readableSize(section.size), String(section.offset)])
            }
        } else if let sealed = try sealed(image) {
            rows.append(["-", sealed.filesystem, readableSize(Int64(clamping: sealed.file.size)), "0"])
        } else {
            let file = try OverlayFile(image, session, "list", isChanged: false)
            rows.append(["-", file.superblock.type, readableSize(file.size), "0"])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].utf8.count }.max() ?? 0 }
        for row in rows {
            var line = ""
            for (text, width) in zip(row, widths) {
                line += text + String(repeating: " ", count: width - text.utf8.count + 2)
            }
            while line.last == " " { line.removeLast() }
            try show(line + "\n")
        }
    }

    /// A file that is an overlay that nobody writes to.
    private static func sealed(_ image: String) throws(PluginError) -> OverlayPart? {
        do throws(SystemError) {
            guard try Host.kind(of: image) == .file else { return nil }
            return try OverlayImage.parts(of: HostFile(image, .read))?.first { !$0.isWritable }
        } catch {
            throw PluginError("cannot open \(image)", error)
        }
    }
}

/// Writes a line of the answer.
func show(_ text: String) throws(PluginError) {
    do throws(SystemError) {
        try Host.write(text, to: 1)
    } catch {
        throw PluginError("cannot write the answer", error)
    }
}
