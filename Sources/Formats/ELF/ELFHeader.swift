/// The start of an ELF file: the processors that it is for; elf(5).
public struct ELFHeader: Sendable, Equatable {
    /// How many bytes of a file are needed for it.
    public static let size = 20

    /// 1: 32 bits, 2: 64 bits.
    public let width: UInt8
    public let isBigEndian: Bool
    /// EM_*: 62 is x86-64, 3 is i386, 183 is AArch64.
    public let machine: UInt16

    public init(width: UInt8, machine: UInt16, isBigEndian: Bool = false) {
        (self.width, self.machine, self.isBigEndian) = (width, machine, isBigEndian)
    }

    /// Nil for bytes that do not begin like an ELF file.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.size, bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { return nil }
        width = bytes[4]
        isBigEndian = bytes[5] == 2
        let (first, second) = (UInt16(bytes[18]), UInt16(bytes[19]))
        machine = isBigEndian ? first << 8 | second : second << 8 | first
    }

    public static let i386 = ELFHeader(width: 1, machine: 3)
}
