package import Base
import CSeccomp
import Linux

/// Turns a profile into BPF with libseccomp, by the rules of runc where the OCI specification is silent.
package struct SeccompCompiler: ~Copyable {
    private let library: skl_seccomp
    private let name: String

    /// - Parameter name: of the profile, for messages.
    package init(_ name: String) throws(SkiffError) {
        guard let library = skl_seccomp_library() else {
            throw SkiffError(
                "cannot use seccomp profile \(name): cannot open libseccomp.so.2",
                hint: "Install the package libseccomp2")
        }
        (self.library, self.name) = (library.pointee, name)
    }

    /// Returns one `struct sock_filter` after the other.
    /// - Parameter capabilities: bits of those that the program has.
    package func compile(_ bytes: [UInt8], capabilities: UInt64, kernel: String) throws(SkiffError) -> [UInt8] {
        let native = library.arch_native()
        guard let own = Self.architectures.first(where: { $0.token == native }) else {
            throw refusal("libseccomp has no name for this processor")
        }
        let profile = try SeccompProfile(parsing: bytes, name: name, architecture: own.name)
        guard let context = library.`init`(Self.action(profile.standard)) else {
            throw refusal("libseccomp does not take its default action")
        }
        defer { library.release(context) }
        try addArchitectures(profile, own, to: context)
        // A search tree, not a row of comparisons: each call of the program goes through it.
        _ = library.attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)
        let version = KernelVersion(kernel)
        for rule in profile.rules where rule.holds(capabilities, own.processor, version) {
            try add(rule, profile.standard, to: context)
        }
        return try export(context)
    }

    private func refusal(_ reason: String) -> SkiffError {
        SkiffError("cannot use seccomp profile \(name): \(reason)")
    }

    private static var architectures: [(name: String, token: UInt32, processor: String)] {
        [
            ("SCMP_ARCH_X86", SKL_ARCH_X86, "386"),
            ("SCMP_ARCH_X86_64", SKL_ARCH_X86_64, "amd64"),
            ("SCMP_ARCH_X32", SKL_ARCH_X32, "x32"), ("SCMP_ARCH_ARM", SKL_ARCH_ARM, "arm"),
            ("SCMP_ARCH_AARCH64", SKL_ARCH_AARCH64, "arm64"),
            ("SCMP_ARCH_PPC64LE", SKL_ARCH_PPC64LE, "ppc64le"),
            ("SCMP_ARCH_RISCV64", SKL_ARCH_RISCV64, "riscv64"),
        ]
    }

    /// Names of processors that this kernel never runs programs for: big-endian ones, and other families.
    private static let foreign = [
        "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
        "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_S390", "SCMP_ARCH_S390X",
        "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_LOONGARCH64",
    ]

    /// Calls of an interface that is not added end the program: that is libseccomp's default.
    private func addArchitectures(
        _ profile: SeccompProfile, _ own: (name: String, token: UInt32, processor: String), to context: scmp_filter_ctx
    ) throws(SkiffError) {
        let names = profile.architectures
        guard names.isEmpty || names.contains(own.name) else {
            throw refusal("it is for \(names.joined(separator: ", ")), and this machine is \(own.name)")
        }
        for name in names where name != own.name {
            guard let known = Self.architectures.first(where: { $0.name == name }) else {
                if Self.foreign.contains(name) { continue }
                throw refusal("the architecture \(name) is not known")
            }
            let result = library.arch_add(context, known.token)
            guard result == 0 || result == -Errno.exists.rawValue else {
                throw refusal("libseccomp does not take the architecture \(name): \(Errno(-result))")
            }
        }
    }

    private static func action(_ action: SeccompProfile.Action) -> UInt32 {
        switch action {
        case .allow: SKL_ACT_ALLOW
        case .log: SKL_ACT_LOG
        case .trap: SKL_ACT_TRAP
        case .killThread: SKL_ACT_KILL_THREAD
        case .killProcess: SKL_ACT_KILL_PROCESS
        case .error(let number): skl_act_errno(number)
        case .trace(let number): skl_act_trace(number)
        }
    }

    private func add(_ rule: SeccompProfile.Rule, _ standard: SeccompProfile.Action, to context: scmp_filter_ctx)
        throws(SkiffError)
    {
        if rule.action == standard { return }
        for name in rule.names {
            let number = library.syscall_resolve_name(name)
            if number == SKL_SECCOMP_NO_CALL {
                // A call that libseccomp does not know gets the default. That is well where the rule grants something.
                guard rule.action.strictness <= standard.strictness else {
                    throw refusal(
                        "it restricts the system call \(name), which this libseccomp does not know: the rule would not hold"
                    )
                }
                Log.verbose("seccomp profile \(self.name): the system call \(name) is not known here")
                continue
            }
            for conditions in rule.alternatives {
                let compared = conditions.map(\.comparison)
                let result = library.rule_add_array(
                    context, Self.action(rule.action), number, UInt32(compared.count), compared)
                guard result == 0 else {
                    throw refusal("libseccomp does not take the rule for \(name): \(Errno(-result))")
                }
            }
        }
    }

    private func export(_ context: scmp_filter_ctx) throws(SkiffError) -> [UInt8] {
        try during("cannot compile seccomp profile \(name)") { () throws(Errno) in
            let file = try makeMemoryFile("filter", [])
            let result = library.export_bpf(context, file.raw)
            guard result == 0 else { throw Errno(-result) }
            try rewind(file.raw)
            return try readToEnd(file.raw, limit: 1 << 20)
        }
    }
}

extension SeccompProfile.Rule {
    /// As Docker reads `includes` and `excludes`.
    func holds(_ capabilities: UInt64, _ processor: String, _ kernel: KernelVersion?) -> Bool {
        if includes.capabilities & ~capabilities != 0 { return false }
        if !includes.processors.isEmpty, !includes.processors.contains(processor) { return false }
        if let least = includes.kernel, let kernel, kernel < least { return false }
        if excludes.capabilities & capabilities != 0 { return false }
        if excludes.processors.contains(processor) { return false }
        if let least = excludes.kernel, let kernel, !(kernel < least) { return false }
        return true
    }

    /// libseccomp compares an argument once in a rule. runc makes a rule of each comparison where one stands twice.
    var alternatives: [[SeccompProfile.Condition]] {
        let isSimple = Set(conditions.map(\.index)).count == conditions.count
        return isSimple ? [conditions] : conditions.map { [$0] }
    }
}

extension SeccompProfile.Condition {
    fileprivate var comparison: scmp_arg_cmp {
        let kind: scmp_compare =
            switch operation {
            case .notEqual: SCMP_CMP_NE
            case .less: SCMP_CMP_LT
            case .lessOrEqual: SCMP_CMP_LE
            case .equal: SCMP_CMP_EQ
            case .greaterOrEqual: SCMP_CMP_GE
            case .greater: SCMP_CMP_GT
            case .maskedEqual: SCMP_CMP_MASKED_EQ
            }
        // A masked comparison has the mask first; an OCI profile, too.
        return scmp_arg_cmp(arg: index, op: kind, datum_a: value, datum_b: second)
    }
}
