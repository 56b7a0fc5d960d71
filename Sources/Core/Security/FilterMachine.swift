import CLinux

/// What a filter answers to a call, computed as the kernel does it: classic BPF as in `FilterAssembler`, and the
/// comparisons that libseccomp writes. Asked before a filter is installed, when it is too late.
enum FilterMachine {
    /// - Returns: a SECCOMP_RET_* with its data; nil for a program that is not whole or uses other instructions.
    static func answer(
        _ program: [UInt8], number: UInt32, architecture: UInt32, arguments: [UInt64] = []
    ) -> UInt32? {
        func word(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
        func field(_ offset: UInt32) -> UInt32? {
            switch offset {
            case 0: return number
            case 4: return architecture
            case 8, 12: return 0
            case 16..<64 where offset % 4 == 0:
                let index = Int(offset - 16) / 8
                let value = arguments.indices.contains(index) ? arguments[index] : 0
                return UInt32(truncatingIfNeeded: offset % 8 == 0 ? value : value >> 32)
            default: return nil
            }
        }
        var (place, accumulator) = (0, UInt32(0))
        // Jumps lead forward, so that this ends.
        while place * 8 + 8 <= program.count {
            let code = program[(place * 8)..<(place * 8 + 8)]
            let value = word(code.suffix(4))
            let (then, otherwise) = (Int(code[place * 8 + 2]), Int(code[place * 8 + 3]))
            let operation = UInt16(code[place * 8]) | UInt16(code[place * 8 + 1]) << 8
            place += 1
            switch operation {
            case 0x20:
                guard let loaded = field(value) else { return nil }
                accumulator = loaded
            case 0x54: accumulator &= value
            case 0x05: place += Int(value)
            case 0x15: place += accumulator == value ? then : otherwise
            case 0x25: place += accumulator > value ? then : otherwise
            case 0x35: place += accumulator >= value ? then : otherwise
            case 0x45: place += accumulator & value != 0 ? then : otherwise
            case 0x06: return value
            default: return nil
            }
        }
        return nil
    }

    /// Whether the kernel carries out a call of this machine's own programs; SECCOMP_RET_ALLOW, and SECCOMP_RET_LOG.
    static func allows(_ call: RootCall, _ arguments: [UInt64] = [], in program: [UInt8]) -> Bool {
        guard let table = CallTable.native.first, let entry = table.entries.first(where: { $0.call == call }),
            let answer = answer(
                program, number: entry.number, architecture: table.architecture, arguments: arguments)
        else { return false }
        return [SKL_SECCOMP_ALLOW, SKL_SECCOMP_LOG].contains(answer & 0xFFFF_0000)
    }
}

extension ProgramAttributes.Filter {
    /// Why no program can start under this filter; nil where one can.
    package var problem: String? {
        if program.count % 8 != 0 || program.count / 8 > Self.longest {
            return "it needs \(program.count / 8) instructions, and the kernel takes \(Self.longest)"
        }
        return FilterMachine.allows(.execve, in: program)
            ? nil : "it forbids execve(2), with which every program starts"
    }

    /// BPF_MAXINSNS of linux/bpf_common.h.
    private static let longest = 4096

    /// Whether prctl(2) can tell after the installation that a filter is there: what forbids that is in force, too.
    var tells: Bool { FilterMachine.allows(.prctl, [UInt64(PR_GET_SECCOMP)], in: program) }
}
