import Base
import Linux
import Synchronization
import TestSupport
import Testing

@testable import SquashfsWriter

/// A volume in memory, which turns every byte over and keeps to the rules for blocks.
private final class MemoryVolume: SquashfsVolume {
    let blockSize: Int
    /// What cannot be written from this offset on.
    let end: Int64
    private let content = Mutex<[UInt8]>([])
    /// Of whole blocks that are written, the count; what broke a rule, the text.
    private let calls = Mutex<(reads: Int, problem: String?)>((0, nil))

    init(blockSize: Int, end: Int64 = .max) { (self.blockSize, self.end) = (blockSize, end) }

    var plain: [UInt8] { content.withLock { $0.map { ~$0 } } }
    var problem: String? { calls.withLock { $0.problem } }
    var reads: Int { calls.withLock { $0.reads } }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SkiffError) {
        if offset % Int64(blockSize) != 0 { calls.withLock { $0.problem = "written at \(offset)" } }
        if offset + Int64(bytes.count) > end { throw SkiffError("cannot write the volume", errno: .noSpace) }
        content.withLock { content in
            let last = Int(offset) + bytes.count
            if content.count < last { content += [UInt8](repeating: 0, count: last - content.count) }
            for (index, byte) in bytes.enumerated() { content[Int(offset) + index] = ~byte }
        }
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SkiffError) {
        calls.withLock { calls in
            calls.reads += 1
            if offset % Int64(blockSize) != 0 { calls.problem = "read at \(offset)" }
        }
        let isThere = content.withLock { content in
            guard Int(offset) + bytes.count <= content.count else { return false }
            for index in bytes.indices { bytes[index] = ~content[Int(offset) + index] }
            return true
        }
        if !isThere { throw SkiffError("cannot read the volume: that was not written") }
    }
}

@Suite("squashfs writer: through a volume") struct VolumeTests {
    private let scratch: Scratch

    /// Files that come twice, far apart, so that they are compared with what is long written; and more than is held in memory.
    init() throws {
        scratch = try Scratch.withTree()
        try shell(
            """
            cd "$0"; mkdir a b; for i in $(seq 1 300); do seq $i $((i * 40)) > a/$i; done
            head -c 3000000 /dev/urandom > b/a; head -c 12000000 /dev/urandom > b/b; cp b/a b/c; cp b/b b/d
            seq 1 400000 > b/numbers; cp a/200 b/e; head -c 5000 /dev/urandom >b/f
            """, [scratch.tree])
    }

    private func write(_ volume: MemoryVolume, workers: Int = 3) throws -> Int64 {
        let source = try open(scratch.tree, [.read, .directory])
        let output = try scratch.openFile("none")
        var options = SquashfsOptions()
        options.workers = workers
        return try SquashfsWriter(
            output: SquashfsOutput(file: output.raw, offset: 0, volume: volume), options: options
        ).write(tree: source.raw)
    }

    @Test("the bytes are those of a file", arguments: [512, 4096, 65536], [1, 5])
    func same(blockSize: Int, workers: Int) throws {
        let volume = MemoryVolume(blockSize: blockSize)
        let length = try write(volume, workers: workers)
        #expect(try scratch.write() == length)
        #expect(try Array(volume.plain.prefix(Int(length))) == readFile(scratch.image))
        #expect(volume.problem == nil)
        #expect(volume.reads > 0, "duplicates are compared with what was written")
        #expect(try readFile(scratch.path + "/none").isEmpty, "nothing goes past the volume")
    }

    @Test("a failure of the volume ends the writing", arguments: [0, 5_000_000, 12_000_000] as [Int64])
    func failure(end: Int64) throws {
        let volume = MemoryVolume(blockSize: 4096, end: end)
        let error = #expect(throws: SkiffError.self) { try write(volume) }
        #expect(error?.errno == .noSpace && error?.hint != nil)
    }
}
