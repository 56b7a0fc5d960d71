import ELF
import Testing

@Suite struct ELFHeaderTests {
    @Test(
        arguments: [
            (
                [0x7F, 0x45, 0x4C, 0x46, 2, 1] + Array(repeating: 0, count: 12) + [62, 0],
                ELFHeader(width: 2, machine: 62)
            ),
            (
                [0x7F, 0x45, 0x4C, 0x46, 2, 2] + Array(repeating: 0, count: 12) + [0, 22],
                ELFHeader(width: 2, machine: 22, isBigEndian: true)
            ),
            ([0x7F, 0x45, 0x4C, 0x46, 2, 1], nil),
            (Array(repeating: 0, count: 20), nil),
            ([], nil),
        ] as [([UInt8], ELFHeader?)])
    func readsHeaders(bytes: [UInt8], kind: ELFHeader?) {
        #expect(ELFHeader(bytes) == kind)
    }
}
