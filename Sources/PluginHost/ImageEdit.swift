import Base
import CLinux
import Core
import Linux
import PluginAPI

/// A SIF file that a command of a plugin has open.
final class ImageEdit {
    let path: String
    let isReadOnly: Bool
    /// Whether the plugin is writing the bytes of an object.
    private(set) var isFilling = false

    private let file: OwnedFD
    private let image: SIFImage
    /// Nil when it is only read.
    private var editor: SIFEditor?
    private let guardian: SIFEditGuard?

    /// - Returns: nil for a file of another kind.
    init?(_ path: String, isReadOnly: Bool) throws(SkiffError) {
        // O_NONBLOCK: a FIFO must not hang the command.
        let opened = try during("cannot open \(path)") { () throws(Errno) in
            try open(path, (isReadOnly ? O_RDONLY : O_RDWR) | O_NONBLOCK)
        }
        let found = try during("cannot look at \(path)") { () throws(Errno) in try status(of: opened.raw) }
        guard found.isRegular else { throw SkiffError("cannot edit \(path): it is not a regular file") }
        guard try SIFHeader.isSIF(SIFImage.start(of: opened.raw)) else { return nil }
        let guardian = isReadOnly ? nil : SIFEditGuard(of: opened.raw)
        do throws(SkiffError) {
            editor = isReadOnly ? nil : try SIFEditor(opening: opened.raw)
            if let editor { image = editor.image } else { image = try SIFImage(reading: opened.raw) }
        } catch {
            guardian?.end()
            throw error
        }
        (self.path, self.isReadOnly, self.guardian) = (path, isReadOnly, guardian)
        file = opened
    }

    var descriptor: CInt { file.raw }
    var objects: [SIFDescriptor] { editor?.image.objects ?? image.objects }

    /// What a helper inherits, so that the file is not put back before it has ended; -1 for nothing.
    var line: CInt { guardian?.line ?? -1 }

    /// - Parameter name: `amd64`; nil for the image's.
    func architecture(_ name: String?) throws(SkiffError) -> SIFArchitecture {
        guard let name else {
            let own = editor?.image.header.architecture ?? .unknown
            return own.code == 0 ? .host : own
        }
        guard let found = SIFArchitecture(name: name) else {
            throw SkiffError("cannot add a partition: unknown architecture \(name)")
        }
        return found
    }

    /// - Returns: the status of `fill`, and the object's number when it is there.
    func append(_ object: SIFNewObject, size: UInt64, _ fill: ((CInt, Int64, Int64) -> Int32)?) throws(SkiffError) -> (
        Int32, UInt32?
    ) {
        var id: UInt32?
        let status = try write(size, fill) { editor throws(SkiffError) in
            try editor.beginObject(object)
        } finish: { editor, size throws(SkiffError) in
            id = try editor.finishObject(size: size).id
        }
        return (status, id)
    }

    /// - Returns: the status of `fill`.
    func replace(_ id: UInt32, size: UInt64, _ fill: ((CInt, Int64, Int64) -> Int32)?) throws(SkiffError) -> Int32 {
        try write(size, fill) { editor throws(SkiffError) in
            try editor.beginReplacement(id: id, size: try Self.checked(size))
        } finish: { editor, size throws(SkiffError) in
            try editor.finishReplacement(size: size)
        }
    }

    func resize(_ id: UInt32, size: UInt64) throws(SkiffError) {
        try editor?.resize(id: id, size: try Self.checked(size))
    }

    func remove(_ id: UInt32) throws(SkiffError) { try editor?.delete(id: id, compact: true, reclaims: true) }

    func commit() throws(SkiffError) { try editor?.commit() }

    func close() {
        editor?.abandon()
        editor = nil
        guardian?.end()
    }

    private static func checked(_ size: UInt64) throws(SkiffError) -> Int64 {
        guard let size = Int64(exactly: size), size > 0 else {
            throw SkiffError("cannot write an object of \(size) bytes")
        }
        return size
    }

    private func write(
        _ wanted: UInt64, _ fill: ((CInt, Int64, Int64) -> Int32)?,
        begin: (inout SIFEditor) throws(SkiffError) -> Int64,
        finish: (inout SIFEditor, Int64) throws(SkiffError) -> Void
    ) throws(SkiffError) -> Int32 {
        let size = try Self.checked(wanted)
        guard let fill else { throw SkiffError("cannot write an object: nobody fills it") }
        guard var editor else { return SKIFF_E_DENIED }
        defer { self.editor = editor }
        let offset = try begin(&editor)
        do throws(SkiffError) {
            let length = try editor.reserve(size: size)
            let start = try Self.start(of: file.raw, editor.image)
            isFilling = true
            let status = fill(file.raw, offset, size)
            isFilling = false
            try checkBounds(start, length: length)
            if status == SKIFF_OK { try finish(&editor, size) } else { editor.abandonObject() }
            return status
        } catch {
            editor.abandonObject()
            throw error
        }
    }

    /// Header and table.
    private static func start(of file: CInt, _ image: SIFImage) throws(SkiffError) -> [UInt8] {
        let end = image.header.descriptorsOffset + image.header.tableSize
        return try during("cannot read the SIF file") { () throws(Errno) in
            try readBytes(file, at: 0, count: Int(min(end, 1 << 26)))
        }
    }

    /// Puts back what the plugin has written into header and table.
    /// - Throws: when it has written there, or changed the length of the file.
    private func checkBounds(_ start: [UInt8], length: Int64) throws(SkiffError) {
        let (now, found) = try during("cannot read the SIF file") { () throws(Errno) in
            (try readBytes(file.raw, at: 0, count: start.count), try status(of: file.raw).size)
        }
        if now != start {
            try during("cannot put the SIF header back") { () throws(Errno) in
                try writeFully(file.raw, start, at: 0)
            }
            throw SkiffError("cannot add to \(path): the plugin has written into the header")
        }
        guard found == length else {
            throw SkiffError("cannot add to \(path): the plugin has written outside of its place")
        }
    }
}

/// The edits of one session, by number. A number is used once.
struct ImageEdits {
    private var open: [(number: UInt64, edit: ImageEdit)] = []
    private var last: UInt64 = 0

    var hasRoom: Bool { open.count < 16 }

    mutating func keep(_ edit: ImageEdit) -> UInt64 {
        last += 1
        open.append((last, edit))
        return last
    }

    func edit(_ number: UInt64) -> ImageEdit? { open.first { $0.number == number }?.edit }

    mutating func close(_ number: UInt64) {
        guard let index = open.firstIndex(where: { $0.number == number }) else { return }
        open.remove(at: index).edit.close()
    }

    mutating func closeAll() {
        for entry in open { entry.edit.close() }
        open = []
    }

    /// Returns what every helper inherits, as long as an edit may have to be taken back.
    func lines(above highest: CInt) -> [(child: CInt, parent: CInt)] {
        let lines = open.map(\.edit.line).filter { $0 >= 0 }
        return lines.enumerated().map { (max(highest, 2) + 1 + CInt($0.offset), $0.element) }
    }
}
