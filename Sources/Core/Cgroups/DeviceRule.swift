import Linux

/// A rule about devices: who fits is let in, or kept out. Of several the last one that fits counts, and what no rule fits is
/// kept out; the runtime specification of OCI, "Allowed Device list".
package struct DeviceRule: Sendable, Equatable {
    package enum Kind: String, Sendable { case all = "a", character = "c", block = "b" }

    /// `r`, `w` and `m` as bits; those of linux/bpf.h, BPF_DEVCG_ACC.
    package struct Access: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let make = Access(rawValue: 1)
        package static let read = Access(rawValue: 2)
        package static let write = Access(rawValue: 4)
        package static let all: Access = [.make, .read, .write]

        package init?(_ text: String) {
            self = []
            for letter in text {
                switch letter {
                case "r": insert(.read)
                case "w": insert(.write)
                case "m": insert(.make)
                default: return nil
                }
            }
            if isEmpty { return nil }
        }

        var text: String {
            (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.make) ? "m" : "")
        }
    }

    package var allows: Bool
    package var kind: Kind
    /// Nil for any.
    package var major: UInt32?
    package var minor: UInt32?
    package var access: Access

    package init(allows: Bool, kind: Kind, major: UInt32?, minor: UInt32?, access: Access) {
        (self.allows, self.kind, self.major, self.minor, self.access) = (allows, kind, major, minor, access)
    }

    /// Reads what `limit` makes.
    init?(_ limit: CgroupLimit) {
        let words = limit.value.split(separator: " ").map(String.init)
        let place = limit.subject.split(separator: " ").map(String.init)
        guard words.count == 2, let kind = place.first.flatMap(Kind.init(rawValue:)), let access = Access(words[1]),
            ["allow", "deny"].contains(words[0])
        else { return nil }
        let numbers = place.count == 2 ? place[1].split(separator: ":").map { UInt32($0) } : [nil, nil]
        guard numbers.count == 2 else { return nil }
        self.init(allows: words[0] == "allow", kind: kind, major: numbers[0], minor: numbers[1], access: access)
    }

    package func limit(_ cause: ProgramAttributes.Cause) -> CgroupLimit {
        CgroupLimit(.device, subject, (allows ? "allow " : "deny ") + access.text, cause)
    }

    private var subject: String { kind == .all ? "a" : "\(kind.rawValue) \(numbers)" }
    private var numbers: String { "\(major.map(String.init) ?? "*"):\(minor.map(String.init) ?? "*")" }

    // MARK: - what rules come to

    /// Whether every device that fits this rule fits the other one.
    private func isInside(_ other: DeviceRule) -> Bool {
        (other.kind == .all || other.kind == kind) && (other.major == nil || other.major == major)
            && (other.minor == nil || other.minor == minor)
    }

    private func overlaps(_ other: DeviceRule) -> Bool {
        (kind == other.kind || kind == .all || other.kind == .all)
            && (major == nil || other.major == nil || major == other.major)
            && (minor == nil || other.minor == nil || minor == other.minor)
    }

    /// Returns what rules leave of the devices that this one lets in: of those that they keep out in part, nothing.
    func access(under rules: [DeviceRule]) -> Access {
        var left: Access = []
        for rule in rules {
            if rule.allows, isInside(rule) { left.formUnion(rule.access) }
            if !rule.allows, overlaps(rule) { left.subtract(rule.access) }
        }
        return left.intersection(access)
    }

    // MARK: - version 1

    /// The line of devices.allow and devices.deny; the whole controller for all devices.
    var line: String { kind == .all ? "a" : "\(kind.rawValue) \(numbers) \(access.text)" }

    /// Whether version 1 can carry rules out: it cannot keep one device out of a wider exception.
    static func conflict(in rules: [DeviceRule]) -> DeviceRule? {
        var base = false
        var exceptions: [DeviceRule] = []
        for rule in rules {
            if rule.kind == .all {
                guard rule.access == .all else { return rule }
                (base, exceptions) = (rule.allows, [])
            } else if rule.allows != base {
                exceptions.append(rule)
            } else {
                if exceptions.contains(where: { $0.overlaps(rule) && !$0.isInside(rule) }) { return rule }
                exceptions.removeAll { $0.isInside(rule) && rule.access.contains($0.access) }
            }
        }
        return nil
    }

    // MARK: - version 2

    /// The rules as a program of BPF_PROG_TYPE_CGROUP_DEVICE: the last rule is asked first. Its argument is `struct
    /// bpf_cgroup_dev_ctx` of linux/bpf.h; it returns 1 for access that is let through.
    static func program(_ rules: [DeviceRule]) -> [UInt64] {
        var code: [UInt64] = [
            instruction(0x61, 2, 1, offset: 0), instruction(0x54, 2, number: 0xFFFF),
            instruction(0x61, 3, 1, offset: 0), instruction(0x74, 3, number: 16),
            instruction(0x61, 4, 1, offset: 4), instruction(0x61, 5, 1, offset: 8),
        ]
        for rule in rules.reversed() {
            // Each test that fails goes on behind the two instructions that end the block.
            var tests: [(UInt8, UInt8, UInt8, UInt32)] = []
            if rule.kind != .all { tests.append((0x55, 2, 0, rule.kind == .block ? 1 : 2)) }
            if let major = rule.major { tests.append((0x55, 4, 0, major)) }
            if let minor = rule.minor { tests.append((0x55, 5, 0, minor)) }
            var block: [UInt64] = []
            let accessTests: [UInt64] =
                rule.access == .all
                ? []
                : [
                    instruction(0xBC, 1, 3),
                    instruction(0x54, 1, number: rule.access.rawValue),
                    // An allowance counts when it covers all that is wanted, a ban when it covers a part.
                    rule.allows
                        ? instruction(0x5D, 1, 3, offset: 2) : instruction(0x15, 1, offset: 2, number: 0),
                ]
            let ending = [instruction(0xB4, 0, number: rule.allows ? 1 : 0), instruction(0x95)]
            for (index, test) in tests.enumerated() {
                let left = tests.count - index - 1 + accessTests.count + ending.count
                block.append(instruction(test.0, test.1, test.2, offset: Int16(left), number: test.3))
            }
            code += block + accessTests + ending
            // One about every access to every device is the last word: the kernel takes no program with instructions that
            // are never reached.
            if tests.isEmpty && accessTests.isEmpty { return code }
        }
        return code + [instruction(0xB4, 0, number: 0), instruction(0x95)]
    }

    /// `struct bpf_insn` as a number in the order of a little-endian machine.
    private static func instruction(
        _ code: UInt8, _ target: UInt8 = 0, _ source: UInt8 = 0, offset: Int16 = 0, number: UInt32 = 0
    ) -> UInt64 {
        UInt64(code) | UInt64(target | source << 4) << 8 | UInt64(UInt16(bitPattern: offset)) << 16
            | UInt64(number) << 32
    }
}
