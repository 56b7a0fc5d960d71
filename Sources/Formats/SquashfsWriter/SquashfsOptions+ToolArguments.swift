package import Base

extension SquashfsOptions {
    /// Applies `--mksquashfs-args` and APPTAINER_MKSQUASHFS_ARGS: options of mksquashfs(1), separated by blanks, as
    /// Apptainer separates them.
    ///
    /// - Throws: for an option that cannot be honoured: an image other than the one asked for helps nobody.
    package mutating func apply(toolArguments text: String) throws(SkiffError) {
        var words = text.split { $0 == " " || $0 == "\t" || $0 == "\n" }.map(String.init)[...]
        var method: ImageCompression.Method?
        var level: UInt32?
        while let word = words.popFirst() {
            switch word {
            case "-comp": method = try Self.method(try Self.value(of: word, &words))
            case "-Xcompression-level": level = try Self.number(of: word, &words)
            case "-Xhc": level = 2
            case "-b": blockSize = try Self.size(try Self.value(of: word, &words))
            case "-mem": memory = try Self.memory(try Self.value(of: word, &words))
            case "-processors": workers = try max(1, Int(Self.number(of: word, &words)))
            default: if try !applySwitch(word, &words) { throw Self.unknown(word) }
            }
        }
        if method != nil || level != nil {
            compression = try ImageCompression(method ?? compression.method, level: level)
        }
    }

    /// Applies an option without a value. Those that ask for what happens anyway are accepted and change nothing.
    private mutating func applySwitch(_ word: String, _ words: inout ArraySlice<String>) throws(SkiffError) -> Bool {
        switch word {
        case "-all-root", "-root-owned": allRoot = true
        case "-no-fragments": hasFragments = false
        case "-always-use-fragments": hasFragments = true
        case "-no-xattrs": xattrs = .none
        case "-xattrs": xattrs = .standard
        case "-no-exports": hasExportTable = false
        case "-exports": hasExportTable = true
        case "-noD", "-noDataCompression": isDataCompressed = false
        // Fragments are compressed with data, so the option means nothing by itself; it is accepted together with the
        // one for data.
        case "-noF", "-noFragmentCompression": guard !isDataCompressed else { return false }
        case "-noappend", "-quiet", "-no-progress", "-progress", "-percentage", "-reproducible", "-info", "-duplicates":
            break
        default: return false
        }
        return true
    }

    private static func value(of word: String, _ words: inout ArraySlice<String>) throws(SkiffError) -> String {
        guard let value = words.popFirst() else {
            throw SkiffError("mksquashfs argument \(word) lacks its value", hint: hint)
        }
        return value
    }

    private static func number(of word: String, _ words: inout ArraySlice<String>) throws(SkiffError) -> UInt32 {
        let text = try value(of: word, &words)
        guard let number = UInt32(text), number < 1 << 20 else {
            throw SkiffError("mksquashfs argument \(word) cannot be \(text)", hint: hint)
        }
        return number
    }

    private static func method(_ text: String) throws(SkiffError) -> ImageCompression.Method {
        guard let method = ImageCompression.Method(rawValue: text) else {
            throw SkiffError("mksquashfs argument -comp cannot be \(text)", hint: ImageCompression.choice)
        }
        return method
    }

    /// `131072`, `128K`, `1M`.
    private static func size(_ text: String) throws(SkiffError) -> Int {
        var digits = Substring(text)
        var unit = 1
        if let last = text.utf8.last, let factor = [0x4B: 1 << 10, 0x6B: 1 << 10, 0x4D: 1 << 20, 0x6D: 1 << 20][last] {
            unit = factor
            digits = digits.dropLast()
        }
        guard let number = Int(digits), (1...1 << 20).contains(number), case let size = number * unit,
            (4096...1 << 20).contains(size), size.nonzeroBitCount == 1
        else {
            throw SkiffError(
                "mksquashfs argument -b cannot be \(text)", hint: "A block is a power of 2 from 4K to 1M")
        }
        return size
    }

    private static func memory(_ text: String) throws(SkiffError) -> Int {
        guard let bytes = memorySize(text) else {
            throw SkiffError("mksquashfs argument -mem cannot be \(text)", hint: "It is a size such as 512M or 1G")
        }
        return bytes
    }

    /// `512M`, `1G`: a number of bytes, with the units of mksquashfs(1); nil for anything else, and for nothing.
    package static func memorySize(_ text: String) -> Int? {
        let shifts: [UInt8: Int] = [0x4B: 10, 0x4D: 20, 0x47: 30]
        let shift = text.utf8.last.flatMap { shifts[$0 & ~0x20] } ?? 0
        guard let number = Int(shift == 0 ? text[...] : text.dropLast()), number > 0, number <= Int.max >> shift else {
            return nil
        }
        return number << shift
    }

    private static func unknown(_ word: String) -> SkiffError {
        SkiffError("mksquashfs argument \(word) is not supported", hint: hint)
    }

    private static let hint = """
        These are: -comp, -Xcompression-level, -Xhc, -b, -processors, -mem, -all-root, -no-fragments, -no-xattrs, \
        -no-exports, -noD
        """
}
