/// The start of an ELF file: the processors that it is for; elf(5).
package struct ELFHeader: Sendable, Equatable {
    /// How many bytes of a file are needed for it.
    package static let size = 20

    /// 1: 32 bits, 2: 64 bits.
    package let width: UInt8
    package let isBigEndian: Bool
    /// EM_*: 62 is x86-64, 3 is i386, 183 is AArch64.
    package let machine: UInt16

    package init(width: UInt8, machine: UInt16, isBigEndian: Bool = false) {
        (self.width, self.machine, self.isBigEndian) = (width, machine, isBigEndian)
    }

    /// Nil for bytes that do not begin like an ELF file.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.size, bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { return nil }
        width = bytes[4]
        isBigEndian = bytes[5] == 2
        let (first, second) = (UInt16(bytes[18]), UInt16(bytes[19]))
        machine = isBigEndian ? first << 8 | second : second << 8 | first
    }

    /// Nil for a file that cannot be read, or is not ELF.
    package init?(ofFile path: String) {
        guard let file = try? open(path, [.read, .nonBlocking]),
            let bytes = try? readBytes(file.raw, at: 0, count: Self.size)
        else { return nil }
        self.init(bytes)
    }

    /// The header of the running program.
    package static var ofThisProcess: ELFHeader? { ELFHeader(ofFile: "/proc/self/exe") }
    package static let i386 = ELFHeader(width: 1, machine: 3)
}
