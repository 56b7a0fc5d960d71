/// A profile of system calls in the form of the OCI runtime specification (its page on Linux, "Seccomp") with the members
/// that Docker's and Podman's profiles add to it.
///
/// A profile restricts, so what is not understood is an error, and never left out.
package struct SeccompProfile: Sendable, Equatable {
    package enum Action: Sendable, Equatable {
        case allow, log, trap, killThread, killProcess
        case error(UInt16)
        case trace(UInt16)

        /// How much it takes away; seccomp(2) has the order.
        var strictness: Int {
            switch self {
            case .allow: 0
            case .log: 1
            case .trace: 2
            case .error: 3
            case .trap: 4
            case .killThread: 5
            case .killProcess: 6
            }
        }
    }

    /// A comparison of an argument; seccomp_rule_add(3).
    package struct Condition: Sendable, Equatable {
        package var index: UInt32
        package var operation: Operation
        package var value: UInt64
        package var second: UInt64
    }

    package enum Operation: String, Sendable {
        case notEqual = "SCMP_CMP_NE"
        case less = "SCMP_CMP_LT"
        case lessOrEqual = "SCMP_CMP_LE"
        case equal = "SCMP_CMP_EQ"
        case greaterOrEqual = "SCMP_CMP_GE"
        case greater = "SCMP_CMP_GT"
        case maskedEqual = "SCMP_CMP_MASKED_EQ"
    }

    package struct Rule: Sendable, Equatable {
        package var names: [String]
        package var action: Action
        package var conditions: [Condition]
        package var includes: Scope
        package var excludes: Scope
    }

    /// Where a rule holds, or does not.
    package struct Scope: Sendable, Equatable {
        /// Bits of capabilities.
        package var capabilities: UInt64 = 0
        /// As Go names processors.
        package var processors: [String] = []
        package var kernel: KernelVersion?
    }

    package var standard: Action
    /// `SCMP_ARCH_X86_64`; empty for this machine's alone.
    package var architectures: [String]
    package var rules: [Rule]
}

/// The first two numbers of a kernel's version.
package struct KernelVersion: Sendable, Equatable, Comparable {
    package let major: Int
    package let minor: Int

    /// - Parameter text: `4.8`, or what uname(2) says: `6.1.0-13-amd64`.
    package init?(_ text: String) {
        let numbers = text.split(separator: ".", maxSplits: 2).map { $0.prefix { $0.isASCII && $0.isNumber } }
        guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1]) else { return nil }
        (self.major, self.minor) = (major, minor)
    }

    package static func < (left: KernelVersion, right: KernelVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
