import CInflate

/// The squashfs around the encrypted file of a gocryptfs image: as much of the format as its two files need. Their contents are not
/// compressed (mksquashfs -noD -noF), so the encrypted file lies in the image as it is, in one part or in two: blocks, and an end
/// in a fragment.
package struct OuterImage {
    /// The configuration of gocryptfs.
    package let configuration: [UInt8]
    /// Of the encrypted file, in bytes.
    package let storedSize: UInt64
    /// Where its blocks begin, from the start of the volume; how many bytes they have; and where the rest lies.
    package let start: UInt64
    package let split: UInt64
    package let rest: UInt64

    package struct Malformed: Error, Equatable, Sendable {
        package let reason: String
        package init(_ reason: String) { self.reason = reason }
    }

    /// - Parameters:
    ///   - size: of the volume, in bytes.
    ///   - read: returns bytes of the volume: so many from an offset on, both inside of it.
    package init(size: UInt64, read: @escaping (UInt64, Int) throws(Malformed) -> [UInt8]) throws(Malformed) {
        let reader = try OuterReader(size: size, read: read)
        let files = try reader.rootFiles()
        guard let encrypted = files.first(where: { $0.name.starts(with: "squashfs-".utf8) }) else {
            throw Malformed("it holds no file that gocryptfs has encrypted")
        }
        guard let configuration = files.first(where: { $0.name == Array(GocryptfsConfiguration.name.utf8) }) else {
            throw Malformed("it holds no \(GocryptfsConfiguration.name)")
        }
        self.configuration = try reader.content(
            of: try reader.file(configuration.inode), limit: GocryptfsConfiguration.longest)
        let file = try reader.file(encrypted.inode)
        (start, split) = try reader.blocks(of: file)
        storedSize = file.size
        guard storedSize > split else {
            rest = start
            return
        }
        rest = try reader.fragment(of: file, count: storedSize - split)
    }
}

/// Little-endian numbers of bytes that were checked to be there.
private struct Fields {
    let bytes: [UInt8]

    func number(_ offset: Int, _ count: Int) throws(OuterImage.Malformed) -> UInt64 {
        guard offset >= 0, count <= bytes.count, offset <= bytes.count - count else {
            throw OuterImage.Malformed("one of its tables is cut off")
        }
        return bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

private struct OuterReader {
    struct Name {
        let name: [UInt8]
        /// A place in the table of inodes.
        let inode: UInt64
    }

    struct File {
        let size: UInt64
        /// Of its first block, from the start of the volume.
        let start: UInt64
        /// Nil where its end is a block as the others.
        let fragment: (number: UInt64, offset: UInt64)?
        /// How many blocks there are, and where the words with their sizes begin, behind the inode.
        let blocks: UInt64
        let words: (inode: UInt64, offset: Int)
    }

    private typealias Malformed = OuterImage.Malformed

    private let read: (UInt64, Int) throws(OuterImage.Malformed) -> [UInt8]
    private let size: UInt64
    private let blockSize: UInt64
    private let codec: UInt32
    private let root: UInt64
    private let inodes: UInt64
    private let directories: UInt64
    private let fragments: UInt64
    private let fragmentCount: UInt64

    private static let superblock = 96
    private static let metadata = 8192
    /// The root has two names.
    private static let longestDirectory: UInt64 = 64 << 10
    private static let isPlain: UInt64 = 1 << 24
    /// 2 TiB in blocks of 128 KiB.
    private static let mostBlocks: UInt64 = 16 << 20

    init(size: UInt64, read: @escaping (UInt64, Int) throws(OuterImage.Malformed) -> [UInt8]) throws(OuterImage
        .Malformed)
    {
        guard size >= UInt64(Self.superblock) else { throw OuterImage.Malformed("it is too short") }
        let head = Fields(bytes: try read(0, Self.superblock))
        guard try head.number(0, 4) == 0x7371_7368, try head.number(28, 2) == 4 else {
            throw OuterImage.Malformed("it is no squashfs")
        }
        let used = try head.number(40, 8)
        guard used <= size else { throw OuterImage.Malformed("it is cut off") }
        blockSize = try head.number(12, 4)
        guard blockSize.nonzeroBitCount == 1, (4096...(1 << 20)).contains(blockSize) else {
            throw OuterImage.Malformed("its blocks have no size that there is")
        }
        (self.size, self.read) = (used, read)
        codec = UInt32(try head.number(20, 2))
        root = try head.number(32, 8)
        (inodes, directories) = (try head.number(64, 8), try head.number(72, 8))
        (fragments, fragmentCount) = (try head.number(80, 8), try head.number(16, 4))
    }

    private func bytes(_ offset: UInt64, _ count: Int) throws(OuterImage.Malformed) -> [UInt8] {
        guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
            throw Malformed("something lies outside of it")
        }
        let bytes = try read(offset, count)
        guard bytes.count == count else { throw Malformed("it is cut off") }
        return bytes
    }

    /// Returns `count` bytes of metadata, and more of them if they are there at no cost.
    /// - Parameters:
    ///   - place: of a block, behind the start of its table.
    ///   - offset: in the block, uncompressed.
    private func metadata(_ table: UInt64, _ place: UInt64, _ offset: Int, _ count: Int) throws(OuterImage.Malformed)
        -> [UInt8]
    {
        guard table <= size, place <= size - table else { throw Malformed("something lies outside of it") }
        var at = table + place
        var result: [UInt8] = []
        var skip = offset
        while result.count < count {
            let word = try Fields(bytes: try bytes(at, 2)).number(0, 2)
            let stored = Int(word & 0x7FFF)
            guard (1...Self.metadata).contains(stored) else { throw Malformed("a block of its tables has no size") }
            let raw = try bytes(at + 2, stored)
            let block = word & 0x8000 != 0 ? raw : try inflate(raw, Self.metadata)
            guard skip <= block.count else { throw Malformed("something lies outside of a block of its tables") }
            result += block[skip...]
            guard !block.isEmpty else { throw Malformed("a block of its tables is empty") }
            skip = 0
            at += 2 + UInt64(stored)
        }
        return result
    }

    private func inflate(_ raw: [UInt8], _ room: Int) throws(OuterImage.Malformed) -> [UInt8] {
        var status = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: room) { out, count in
            status = ci_inflate(codec, raw, raw.count, out.baseAddress, room)
            count = max(status, 0)
        }
        if status == -2 {
            guard let name = ci_library(codec) else { throw Malformed("its compression \(codec) is not known") }
            throw Malformed("\(String(cString: name)) is missing, by which it is compressed")
        }
        guard status >= 0 else { throw Malformed("a compressed block of it is damaged") }
        return bytes
    }

    /// Returns the bytes of an inode, from its place on.
    private func inode(_ reference: UInt64, _ count: Int) throws(OuterImage.Malformed) -> Fields {
        Fields(bytes: try metadata(inodes, reference >> 16, Int(reference & 0xFFFF), count))
    }

    func rootFiles() throws(OuterImage.Malformed) -> [Name] {
        let head = try inode(root, 32)
        let (place, listed, offset): (UInt64, UInt64, UInt64)
        switch try head.number(0, 2) {
        case 1:
            (place, listed, offset) = (try head.number(16, 4), try head.number(24, 2), try head.number(26, 2))
        case 8:
            let long = try inode(root, 40)
            (place, listed, offset) = (try long.number(24, 4), try long.number(20, 4), try long.number(34, 2))
        default: throw Malformed("its root is no directory")
        }
        // Three bytes stand for `.` and `..`.
        guard listed > 3, listed <= Self.longestDirectory else { throw Malformed("its root has no files, or too many") }
        let count = Int(listed - 3)
        let list = Fields(bytes: try metadata(directories, place, Int(offset), count))
        var names: [Name] = []
        var at = 0
        while at < count {
            let entries = try list.number(at, 4)
            let block = try list.number(at + 4, 4)
            at += 12
            guard entries < 256 else { throw Malformed("its root has too many files") }
            for _ in 0...entries {
                let length = Int(try list.number(at + 6, 2)) + 1
                _ = try list.number(at + 8 + length - 1, 1)
                names.append(
                    Name(
                        name: Array(list.bytes[(at + 8)..<(at + 8 + length)]),
                        inode: block << 16 | (try list.number(at, 2))))
                at += 8 + length
            }
        }
        return names
    }

    func file(_ reference: UInt64) throws(OuterImage.Malformed) -> File {
        let head = try inode(reference, 32)
        let (start, size, fragment, offset, words): (UInt64, UInt64, UInt64, UInt64, Int)
        switch try head.number(0, 2) {
        case 2:
            (start, fragment) = (try head.number(16, 4), try head.number(20, 4))
            (offset, size, words) = (try head.number(24, 4), try head.number(28, 4), 32)
        case 9:
            let long = try inode(reference, 56)
            (start, size) = (try long.number(16, 8), try long.number(24, 8))
            (fragment, offset, words) = (try long.number(44, 4), try long.number(48, 4), 56)
        default: throw Malformed("one of its files is none")
        }
        guard size > 0, size <= self.size else { throw Malformed("one of its files is empty, or larger than it") }
        let hasFragment = fragment != 0xFFFF_FFFF
        return File(
            size: size, start: start, fragment: hasFragment ? (fragment, offset) : nil,
            blocks: hasFragment ? size / blockSize : (size + blockSize - 1) / blockSize, words: (reference, words))
    }

    /// Returns where the blocks of a file lie, which follow each other, and how many bytes they have.
    func blocks(of file: File) throws(OuterImage.Malformed) -> (start: UInt64, size: UInt64) {
        var total: UInt64 = 0
        guard file.blocks <= Self.mostBlocks else { throw Malformed("its encrypted file has too many blocks") }
        let words = Fields(bytes: try inode(file.words.inode, file.words.offset + 4 * Int(file.blocks)).bytes)
        for index in 0..<Int(file.blocks) {
            let expected = min(blockSize, file.size - total)
            guard try words.number(file.words.offset + 4 * index, 4) == expected | Self.isPlain else {
                throw Malformed("its encrypted file is compressed, or has holes")
            }
            total += expected
        }
        guard file.start <= size, total <= size - file.start else { throw Malformed("it is cut off") }
        return (file.start, total)
    }

    /// Returns where the end of a file lies in a fragment that is not compressed.
    func fragment(of file: File, count: UInt64) throws(OuterImage.Malformed) -> UInt64 {
        let (place, word) = try fragmentEntry(of: file)
        guard let offset = file.fragment?.offset, word & Self.isPlain != 0 else {
            throw Malformed("the end of its encrypted file is compressed")
        }
        let stored = word & (Self.isPlain - 1)
        guard offset <= stored, count <= stored - offset, place <= size, stored <= size - place else {
            throw Malformed("it is cut off")
        }
        return place + offset
    }

    private func fragmentEntry(of file: File) throws(OuterImage.Malformed) -> (place: UInt64, word: UInt64) {
        guard let number = file.fragment?.number, number < fragmentCount else {
            throw Malformed("a fragment is missing")
        }
        let list = fragments.addingReportingOverflow(number / 512 * 8)
        guard !list.overflow else { throw Malformed("something lies outside of it") }
        let block = try Fields(bytes: try bytes(list.partialValue, 8)).number(0, 8)
        let entry = Fields(bytes: try metadata(block, 0, Int(number % 512) * 16, 16))
        return (try entry.number(0, 8), try entry.number(8, 4))
    }

    /// Returns the content of a small file, which may be compressed.
    func content(of file: File, limit: Int) throws(OuterImage.Malformed) -> [UInt8] {
        guard file.size <= UInt64(limit), file.size <= blockSize else {
            throw Malformed("its configuration is too long")
        }
        if file.fragment != nil {
            let (place, word) = try fragmentEntry(of: file)
            let block = try stored(place, word)
            guard let offset = file.fragment?.offset, offset <= UInt64(block.count),
                file.size <= UInt64(block.count) - offset
            else { throw Malformed("its configuration is cut off") }
            return Array(block[Int(offset)..<Int(offset + file.size)])
        }
        let words = try inode(file.words.inode, file.words.offset + 4)
        let block = try stored(file.start, try words.number(file.words.offset, 4))
        guard UInt64(block.count) >= file.size else { throw Malformed("its configuration is cut off") }
        return Array(block[..<Int(file.size)])
    }

    private func stored(_ place: UInt64, _ word: UInt64) throws(OuterImage.Malformed) -> [UInt8] {
        let count = word & (Self.isPlain - 1)
        guard count > 0, count <= blockSize else { throw Malformed("a block has no size") }
        let raw = try bytes(place, Int(count))
        return word & Self.isPlain != 0 ? raw : try inflate(raw, Int(blockSize))
    }
}
