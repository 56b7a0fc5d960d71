/// The processor that an image is for: two digits and a NUL in the file (Docs/spec/sif.md §3), and for people the Go
/// toolchain's name.
package struct SIFArchitecture: RawRepresentable, Sendable, Hashable {
    /// The three bytes of the file, the first in the lowest byte: a code that we do not know survives a rewrite.
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue & 0xFF_FFFF }

    /// `00`: the image has no primary system partition.
    package static let unknown = SIFArchitecture(number: 0)

    /// The position is the code.
    private static let names: [StaticString] = [
        "unknown", "386", "amd64", "arm", "arm64", "ppc64", "ppc64le", "mips", "mipsle", "mips64", "mips64le", "s390x",
        "riscv64", "loong64",
    ]

    /// The code as siftool's `--partarch` takes it; nil for one that nobody has defined.
    package init?(code: Int) {
        guard Self.names.indices.contains(code) else { return nil }
        self.init(number: UInt32(code))
    }

    /// `amd64` and the like; nil for a name without a code.
    package init?(name: String) {
        guard let code = Self.names.firstIndex(where: { $0.description == name }), code > 0 else { return nil }
        self.init(number: UInt32(code))
    }

    private init(number: UInt32) {
        self.init(rawValue: (0x30 + number / 10) | (0x30 + number % 10) << 8)
    }

    /// 0 for unknown and for a code that nobody has defined.
    package var code: Int {
        let tens = Int(rawValue & 0xFF) - 0x30
        let units = Int(rawValue >> 8 & 0xFF) - 0x30
        guard rawValue >> 16 == 0, (0...9).contains(tens), (0...9).contains(units) else { return 0 }
        let code = tens * 10 + units
        return Self.names.indices.contains(code) ? code : 0
    }

    /// `amd64`; `unknown` without one.
    package var name: String { Self.names[code].description }

    package static var host: SIFArchitecture {
        #if arch(x86_64)
        return SIFArchitecture(number: 2)
        #elseif arch(arm64)
        return SIFArchitecture(number: 4)
        #elseif arch(riscv64)
        return SIFArchitecture(number: 12)
        #else
        return .unknown
        #endif
    }
}
