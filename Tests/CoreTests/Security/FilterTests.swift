import CLinux
import Foundation
import Testing

@testable import Core

/// Runs a filter as the kernel would, on one call.
private func action(_ filter: SyscallFilter, _ architecture: UInt32, _ number: UInt32, _ arguments: [UInt64] = [])
    -> UInt32?
{
    var data: [UInt8] = []
    func put<Value: FixedWidthInteger>(_ value: Value) { withUnsafeBytes(of: value.littleEndian) { data += $0 } }
    put(number)
    put(architecture)
    put(UInt64(0))
    for index in 0..<6 { put(arguments.indices.contains(index) ? arguments[index] : 0) }
    func word(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    var (place, accumulator) = (0, UInt32(0))
    while place * 8 + 8 <= filter.program.count {
        let code = filter.program[(place * 8)..<(place * 8 + 8)]
        let value = word(code.suffix(4))
        let (then, otherwise) = (Int(code[place * 8 + 2]), Int(code[place * 8 + 3]))
        place += 1
        switch UInt16(code[place * 8 - 8]) | UInt16(code[place * 8 - 7]) << 8 {
        case 0x20: accumulator = word(data[Int(value)..<Int(value) + 4])
        case 0x54: accumulator &= value
        case 0x15: place += accumulator == value ? then : otherwise
        case 0x45: place += accumulator & value != 0 ? then : otherwise
        case 0x06: return value
        default: return nil
        }
    }
    return nil
}

@Suite("filters of root emulation")
struct FilterTests {
    private static let x86: UInt32 = 0xC000_003E
    private static let i386: UInt32 = 0x4000_0003
    private let all = [CallTable.x86, .i386, .arm64, .arm]

    @Test("every call of every interface is handed over, and no other") func handedOver() {
        let filter = SyscallFilter.supervised(all)
        for table in all {
            let known = Set(table.entries.map(\.number))
            #expect(known.count == table.entries.count, "a number stands twice")
            for number in UInt32(0)..<600 where !known.contains(number) {
                #expect(action(filter, table.architecture, number) == SKL_SECCOMP_ALLOW)
            }
            for entry in table.entries {
                let given: [UInt64] =
                    switch entry.call {
                    case .open: [0, 0o101]
                    case .openat: [0, 0, 0o101]
                    case .prctl: [8, 1]
                    case .prlimit: [0, 10]
                    case .setrlimit: [10]
                    default: []
                    }
                #expect(action(filter, table.architecture, entry.number, given) == SKL_SECCOMP_NOTIFY)
                #expect(table.entry(entry.number) == entry)
            }
        }
    }

    @Test("x32 is x86_64 with another number") func x32() {
        let filter = SyscallFilter.supervised(all)
        #expect(action(filter, Self.x86, 0x4000_0000 | 105) == SKL_SECCOMP_NOTIFY)
        #expect(CallTable.x86.entry(0x4000_0000 | 105)?.call == .setuid)
        #expect(action(filter, Self.i386, 0x4000_0000 | 213) == SKL_SECCOMP_ALLOW)
    }

    @Test("an open that makes nothing is not asked about") func opens() {
        let filter = SyscallFilter.supervised(all)
        #expect(action(filter, Self.x86, 257, [0, 0, 0o2]) == SKL_SECCOMP_ALLOW)
        #expect(action(filter, Self.x86, 257, [0, 0, 0o20_200_002]) == SKL_SECCOMP_NOTIFY)
        #expect(action(filter, Self.x86, 2, [0, 0o1, 0o777]) == SKL_SECCOMP_ALLOW)
        #expect(action(filter, Self.x86, 157, [15]) == SKL_SECCOMP_ALLOW)
        #expect(action(filter, Self.x86, 157, [28]) == SKL_SECCOMP_NOTIFY)
    }

    @Test("the filter of faked root says yes to what needs root, and to nothing else") func faked() {
        let filter = SyscallFilter.faked(all)
        #expect(action(filter, Self.x86, 92) == SKL_SECCOMP_ERRNO)
        #expect(action(filter, Self.i386, 213) == SKL_SECCOMP_ERRNO)
        #expect(action(filter, Self.x86, 102) == SKL_SECCOMP_ALLOW)
        #expect(action(filter, Self.x86, 133, [0, 0o020666, 259]) == SKL_SECCOMP_ERRNO)
        #expect(action(filter, Self.x86, 259, [0, 0, 0o060660, 1]) == SKL_SECCOMP_ERRNO)
        #expect(action(filter, Self.x86, 259, [0, 0, 0o010600]) == SKL_SECCOMP_ALLOW)
    }

    @Test("an interface that nobody knows is left alone") func foreign() {
        #expect(action(.supervised([.x86]), 0x8000_0015, 105) == SKL_SECCOMP_ALLOW)
    }

    @Test("a jump that reaches too far is refused") func far() {
        var assembler = FilterAssembler()
        let end = assembler.label()
        assembler.jump(ifEqual: 1, to: end)
        for _ in 0..<256 { assembler.load(.number) }
        assembler.place(end)
        assembler.end(0)
        #expect(assembler.bytes() == nil)
        var open = FilterAssembler()
        open.jump(ifEqual: 1, to: open.label())
        #expect(open.bytes() == nil)
    }
}
