/// LZO1X, after the kernel's description of the format (Documentation/staging/lzo.rst). The only library for it is
/// under the GPL, which our licence rules out; for the other methods of squashfs the usual libraries are used.
///
/// An instruction is a copy of earlier output, followed by 0 to 3 literal bytes; in place of a copy there may be a longer row
/// of literals. What the low numbers mean depends on how many literals came before.
final class LZOCodec: Codec {
    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        var stream = LZOStream(input: input, output: output)
        do throws(LZOStream.Damage) {
            try stream.run()
        } catch {
            return nil
        }
        return stream.written
    }
}

/// Every read and every write is checked; damage ends the decoding.
private struct LZOStream {
    struct Damage: Error {}

    let input: UnsafeRawBufferPointer
    let output: UnsafeMutableRawBufferPointer
    private var read = 0
    private(set) var written = 0

    init(input: UnsafeRawBufferPointer, output: UnsafeMutableRawBufferPointer) {
        (self.input, self.output) = (input, output)
    }

    /// What came before an instruction: a copy and this many literals (0 to 3), or a row of at least four literals.
    private static let longRow = 4

    mutating func run() throws(Damage) {
        var before = 0
        // A first byte above 17 is a row of literals.
        if let first = input.first, first > 17 {
            read = 1
            let count = Int(first) - 17
            try literals(count)
            before = min(count, Self.longRow)
        }
        while true {
            let code = Int(try byte())
            if code < 16, before == 0 {
                try literals(3 + (try length(code, bits: 4)))
                before = Self.longRow
                continue
            }
            let (distance, count, following): (Int, Int, Int)
            switch code {
            case 0..<16:
                // After a copy and a few literals two bytes from nearby, after a long row three from farther away.
                let isAfterRow = before == Self.longRow
                distance = Int(try byte()) << 2 + code >> 2 + (isAfterRow ? 2049 : 1)
                (count, following) = (isAfterRow ? 3 : 2, code & 3)
            case 16..<32:
                count = 2 + (try length(code & 7, bits: 3))
                let word = try self.word()
                distance = 16384 + (code & 8) << 11 + word >> 2
                following = word & 3
                if distance == 16384 { return try end(count) }
            case 32..<64:
                count = 2 + (try length(code & 31, bits: 5))
                let word = try self.word()
                (distance, following) = (word >> 2 + 1, word & 3)
            default:
                count = code < 128 ? 3 + code >> 5 & 1 : 5 + code >> 5 & 3
                distance = Int(try byte()) << 3 + code >> 2 & 7 + 1
                following = code & 3
            }
            try copy(count, from: distance)
            try literals(following)
            before = following
        }
    }

    /// The mark of the end is a copy of three bytes, and nothing comes after it.
    private func end(_ count: Int) throws(Damage) {
        guard count == 3, read == input.count else { throw Damage() }
    }

    private mutating func byte() throws(Damage) -> UInt8 {
        guard read < input.count else { throw Damage() }
        defer { read += 1 }
        return input[read]
    }

    private mutating func word() throws(Damage) -> Int { Int(try byte()) | Int(try byte()) << 8 }

    /// Returns the length in an instruction's low bits; if they are zero, it continues in bytes: each zero adds 255.
    private mutating func length(_ value: Int, bits: Int) throws(Damage) -> Int {
        if value > 0 { return value }
        var total = 1 << bits - 1
        while true {
            let next = Int(try byte())
            if next > 0 { return total + next }
            total += 255
            guard total <= output.count else { throw Damage() }
        }
    }

    private mutating func literals(_ count: Int) throws(Damage) {
        guard count <= input.count - read, count <= output.count - written else { throw Damage() }
        guard count > 0 else { return }
        let target = UnsafeMutableRawBufferPointer(rebasing: output[written..<written + count])
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[read..<read + count]))
        read += count
        written += count
    }

    /// Source and target may overlap: then the bytes just written are repeated.
    private mutating func copy(_ count: Int, from distance: Int) throws(Damage) {
        guard distance <= written, count <= output.count - written else { throw Damage() }
        for _ in 0..<count {
            output[written] = output[written - distance]
            written += 1
        }
    }
}
