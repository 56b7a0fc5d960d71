import Linux

/// The processors that a library is for: the class and machine of its ELF header; elf(5).
package struct ElfKind: Sendable, Equatable {
    /// 1: 32 bits, 2: 64 bits.
    package let width: UInt8
    /// EM_*: 62 is x86-64, 3 is i386, 183 is AArch64.
    package let machine: UInt16

    package init(width: UInt8, machine: UInt16) { (self.width, self.machine) = (width, machine) }

    /// Nil for bytes that do not begin like an ELF file.
    package init?(header: [UInt8]) {
        guard header.count >= 20, header.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { return nil }
        let low = header[18]
        let high = header[19]
        let isBig = header[5] == 2
        width = header[4]
        machine = isBig ? UInt16(low) << 8 | UInt16(high) : UInt16(high) << 8 | UInt16(low)
    }

    /// Nil for a file that cannot be read, or is not ELF.
    package init?(ofFile path: String) {
        guard let file = try? open(path, [.read, .nonBlocking]), let bytes = try? readBytes(file.raw, at: 0, count: 20)
        else { return nil }
        self.init(header: bytes)
    }

    /// The kind of the running program.
    package static var ofThisProcess: ElfKind? { ElfKind(ofFile: "/proc/self/exe") }
    /// The kind of the libraries of `--compat32`.
    package static let i386 = ElfKind(width: 1, machine: 3)
}
