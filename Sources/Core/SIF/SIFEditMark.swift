import Base
import Linux

/// The length of a SIF file before the edit that is under way, written into the file itself: an edit that was killed
/// leaves its mark, and the next one knows what to cut off.
///
/// The mark lies between header and table, where no reader looks and which no signature covers. Where the table begins
/// too early, or a foreign file has something else there, there is no mark, and a killed edit leaves a longer file.
struct SIFEditMark {
    private let file: CInt
    /// Whether the place is free for a mark.
    private let hasRoom: Bool
    /// The length that a killed edit noted.
    let length: Int64?

    private static let place = Int64(SIFFormat.headerSize)
    private static let magic = Array("skiff edit mark\n".utf8)
    private static let size = magic.count + 16

    /// For a new file, which appears whole or not at all.
    init() { (file, hasRoom, length) = (-1, false, nil) }

    init(_ file: CInt, _ header: SIFHeader) throws(Errno) {
        self.file = file
        guard header.descriptorsOffset >= Self.place + Int64(Self.size) else {
            (hasRoom, length) = (false, nil)
            return
        }
        let found = try readBytes(file, at: Self.place, count: Self.size)
        length = Self.length(found)
        hasRoom = length != nil || found.count == Self.size && found.allSatisfy { $0 == 0 }
    }

    /// Returns the length in a complete mark: the number, and the number with all bits inverted.
    private static func length(_ bytes: [UInt8]) -> Int64? {
        guard bytes.starts(with: magic) else { return nil }
        var reader = ByteReader(bytes.span.bytes)
        guard (try? reader.skip(magic.count)) != nil, let length = try? reader.i64(),
            let turned = try? reader.i64(), turned == ~length, length >= 0
        else { return nil }
        return length
    }

    func write(_ length: Int64) throws(Errno) {
        guard hasRoom else { return }
        var writer = ByteWriter(capacity: Self.size)
        writer.append(Self.magic)
        writer.i64(length)
        writer.i64(~length)
        try writeFully(file, writer.bytes, at: Self.place)
    }

    func clear() throws(Errno) {
        if hasRoom { try writeFully(file, [UInt8](repeating: 0, count: Self.size), at: Self.place) }
    }
}
