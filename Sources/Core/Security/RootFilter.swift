import CLinux

/// A seccomp filter as a value of the plan.
package struct SyscallFilter: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// Calls of `RootCall` wait for the answer of skiff-root.
        case supervised
        /// Only calls that make device nodes or concern attributes wait for it.
        case devices
        /// Calls that need real root succeed and do nothing.
        case faked
    }

    package let kind: Kind
    /// BPF; eight bytes an instruction.
    package let program: [UInt8]

    var hexadecimal: String {
        let digits = Array("0123456789abcdef")
        return String(program.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

extension SyscallFilter {
    private static let createBits: UInt32 = 0o100 | 0o20_000_000
    private static let keepCapabilities: UInt32 = 8
    private static let setSecureBits: UInt32 = 28
    private static let locks: UInt32 = 10

    /// - Parameter tables: calls of any other kernel interface are left alone.
    package static func supervised(_ tables: [CallTable] = CallTable.native) -> SyscallFilter {
        make(.supervised, tables, action: SKL_SECCOMP_NOTIFY) { call in
            switch call {
            // An open that cannot make a file is none of our business, and there are many of them.
            case .open: .ifBits(argument: 1, createBits)
            case .openat: .ifBits(argument: 2, createBits)
            case .prctl: .ifEqual(argument: 0, mask: .max, [keepCapabilities, setSecureBits])
            case .prlimit: .ifEqual(argument: 1, mask: .max, [locks])
            case .setrlimit: .ifEqual(argument: 0, mask: .max, [locks])
            default: .always
            }
        }
    }

    /// Returns the filter for root with ranges of ids, which lacks only device nodes and `trusted.` attributes.
    package static func devices(_ tables: [CallTable] = CallTable.native) -> SyscallFilter {
        make(.devices, tables, action: SKL_SECCOMP_NOTIFY) { call in
            switch call {
            case .mknod: .ifEqual(argument: 1, mask: typeBits, deviceTypes)
            case .mknodat: .ifEqual(argument: 2, mask: typeBits, deviceTypes)
            case .setxattr, .lsetxattr, .fsetxattr, .setxattrat, .getxattr, .lgetxattr, .fgetxattr, .getxattrat,
                .listxattr, .llistxattr, .flistxattr, .listxattrat, .removexattr, .lremovexattr, .fremovexattr,
                .removexattrat, .restrict:
                .always
            // The limit tells which processes have restricted themselves.
            case .prlimit: .ifEqual(argument: 1, mask: .max, [locks])
            case .setrlimit: .ifEqual(argument: 0, mask: .max, [locks])
            default: .never
            }
        }
    }

    private static let typeBits: UInt32 = 0o170000
    private static let deviceTypes: [UInt32] = [0o020000, 0o060000]

    /// Returns the filter for only the calls that fail without privileges; they succeed and do nothing.
    package static func faked(_ tables: [CallTable] = CallTable.native) -> SyscallFilter {
        make(.faked, tables, action: SKL_SECCOMP_ERRNO) { call in
            switch call {
            case .chown, .lchown, .fchown, .fchownat, .setgroups, .setuid, .setgid, .setreuid, .setregid, .setresuid,
                .setresgid, .setfsuid, .setfsgid:
                .always
            case .mknod: .ifEqual(argument: 1, mask: typeBits, deviceTypes)
            case .mknodat: .ifEqual(argument: 2, mask: typeBits, deviceTypes)
            default: .never
            }
        }
    }

    private enum Condition {
        case always, never
        case ifBits(argument: Int, UInt32)
        case ifEqual(argument: Int, mask: UInt32, [UInt32])
    }

    private static func make(
        _ kind: Kind, _ tables: [CallTable], action: UInt32, _ condition: (RootCall) -> Condition
    ) -> SyscallFilter {
        var assembler = FilterAssembler()
        assembler.load(.architecture)
        for table in tables {
            let (mine, next) = (assembler.label(), assembler.label())
            assembler.jump(ifEqual: table.architecture, to: mine, else: next)
            assembler.place(mine)
            add(table, to: &assembler, action, condition)
            assembler.place(next)
        }
        assembler.end(SKL_SECCOMP_ALLOW)
        guard let program = assembler.bytes() else { preconditionFailure("a table of calls is too long for a filter") }
        return SyscallFilter(kind: kind, program: program)
    }

    private static func add(
        _ table: CallTable, to assembler: inout FilterAssembler, _ action: UInt32, _ condition: (RootCall) -> Condition
    ) {
        let (act, allow) = (assembler.label(), assembler.label())
        assembler.load(.number)
        if table.ignoredBits != 0 { assembler.and(~table.ignoredBits) }
        var conditional: [(label: FilterAssembler.Label, condition: Condition)] = []
        for entry in table.entries {
            switch condition(entry.call) {
            case .never: continue
            case .always: assembler.jump(ifEqual: entry.number, to: act)
            case let other:
                let label = assembler.label()
                assembler.jump(ifEqual: entry.number, to: label)
                conditional.append((label, other))
            }
        }
        assembler.place(allow)
        assembler.end(SKL_SECCOMP_ALLOW)
        for (label, condition) in conditional {
            assembler.place(label)
            switch condition {
            case .always, .never: break
            case .ifBits(let argument, let bits):
                assembler.load(.argument(argument))
                assembler.jump(ifAnyOf: bits, to: act)
            case .ifEqual(let argument, let mask, let values):
                assembler.load(.argument(argument))
                if mask != .max { assembler.and(mask) }
                for value in values { assembler.jump(ifEqual: value, to: act) }
            }
            assembler.end(SKL_SECCOMP_ALLOW)
        }
        assembler.place(act)
        assembler.end(action)
    }
}
