package import Base
import Linux

/// How blocks are compressed.
package struct ImageCompression: Sendable, Equatable {
    package enum Method: String, Sendable, CaseIterable {
        case zstd, gzip, lz4, xz
    }

    package let method: Method
    /// zstd 1 to 22, gzip 1 to 9, xz 0 to 9; lz4 1, or 2 for its slow variant that packs better.
    package let level: UInt32

    /// - Parameter level: nil for the default of the method.
    /// - Throws: when the method has no such level.
    package init(_ method: Method, level: UInt32? = nil) throws(SkiffError) {
        let levels = Self.levels(of: method)
        if let level, !levels.contains(level) {
            throw SkiffError(
                "\(method.rawValue) has no compression level \(level)",
                hint: "It takes \(levels.lowerBound) to \(levels.upperBound)")
        }
        self.method = method
        self.level = level ?? Self.usualLevel(of: method)
    }

    private init(method: Method) {
        self.method = method
        level = Self.usualLevel(of: method)
    }

    package static let standard = ImageCompression(method: .zstd)

    /// `zstd`, `gzip:6`: the value of `--compression`.
    package init(_ text: String) throws(SkiffError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let method = parts.first.flatMap({ Method(rawValue: $0) }) else {
            throw SkiffError("unknown compression \"\(text)\"", hint: Self.choice)
        }
        guard parts.count == 2 else {
            try self.init(method)
            return
        }
        guard let level = UInt32(parts[1]) else {
            throw SkiffError("\"\(parts[1])\" is not a compression level", hint: "Write for example zstd:9")
        }
        try self.init(method, level: level)
    }

    static let choice = "Choose zstd, gzip, lz4 or xz"

    private static func levels(of method: Method) -> ClosedRange<UInt32> {
        switch method {
        case .zstd: 1...22
        case .gzip: 1...9
        case .lz4: 1...2
        case .xz: 0...9
        }
    }

    private static func usualLevel(of method: Method) -> UInt32 {
        switch method {
        // A Debian tree of 206 MiB: 1.7 s of processor time and 90.7 MB; gzip 9, Apptainer's choice, 15.3 s and 91.7 MB;
        // zstd 3 0.8 s and 93.5 MB, zstd 9 2.5 s and 90.1 MB.
        case .zstd: 6
        case .gzip: 9
        case .lz4: 1
        case .xz: 6
        }
    }
}

/// How an image is written.
package struct SquashfsOptions: Sendable {
    package enum Xattrs: Sendable {
        case none
        /// `user.*`, `trusted.*` where the kernel shows it (root), and file capabilities.
        case standard
    }

    package var compression = ImageCompression.standard
    /// A power of 2 from 4 KiB to 1 MiB.
    package var blockSize = 128 << 10
    /// Everything belongs to user and group 0, no matter who owns the source.
    package var allRoot = false
    /// Last bytes of files and small files share blocks.
    package var hasFragments = true
    /// Otherwise data is stored uncompressed; tables are compressed anyway.
    package var isDataCompressed = true
    package var hasExportTable = true
    package var xattrs = Xattrs.standard
    /// No time in the image is later than this, in seconds since 1970; nil for no limit.
    package var latestTime: UInt32?
    /// The number of threads that compress.
    package var workers = min(allowedCPUs(), 64)
    /// Bytes of memory for data that waits to be compressed or written; nil for as much as keeps the threads busy.
    package var memory: Int?
    /// What to tell the user when the target's file system is full: a complete sentence.
    package var hintWhenFull = "Write to a file system with more room, or set APPTAINER_TMPDIR to one"

    package init() {}

    /// The number of blocks that may be in memory: each is there uncompressed and compressed.
    var backlog: Int {
        let usual = max(1, workers) * 6
        return memory.map { max(1, min(usual, $0 / (2 * blockSize))) } ?? usual
    }

    /// The number of threads; more than there are blocks would have nothing to do.
    var threads: Int { max(1, min(workers, backlog)) }

    /// Returns the value of SOURCE_DATE_EPOCH, for `latestTime`; reproducible-builds.org.
    package static func sourceDateEpoch() throws(SkiffError) -> UInt32? {
        guard let text = environmentValue("SOURCE_DATE_EPOCH"), !text.isEmpty else { return nil }
        guard let seconds = UInt32(text) else {
            throw SkiffError(
                "SOURCE_DATE_EPOCH=\(text) is no time",
                hint: "Set it to seconds since 1970, as date +%s prints them")
        }
        return seconds
    }
}
