import Testing

@testable import Core

/// Rules about devices: what version 1 can carry out, the program of version 2, and what several rules come to.
@Suite struct DeviceRuleTests {
    private func rule(_ text: String) -> DeviceRule {
        let words = text.split(separator: " ").map(String.init)
        let subject = words.count == 3 ? "a" : "\(words[1]) \(words[2])"
        guard
            let rule = DeviceRule(
                CgroupLimit(
                    .device, subject, words[0] + " " + (words.last ?? ""), .init(reason: "test", origin: "core")))
        else { preconditionFailure("no rule: \(text)") }
        return rule
    }

    @Test(arguments: ["allow a rwm", "deny c 1:5 r", "allow b *:* m", "allow c 136:* rw"]) func limitsAndBack(
        _ text: String
    ) {
        let rule = rule(text)
        #expect(DeviceRule(rule.limit(.init(reason: "", origin: ""))) == rule)
    }

    @Test func textsThatAreNoRules() {
        for (subject, value) in [
            ("x 1:5", "allow r"), ("c 1:5", "maybe r"), ("c 1:5", "allow x"), ("c 1", "allow r"), ("", "allow r"),
        ] {
            #expect(DeviceRule(CgroupLimit(.device, subject, value, .init(reason: "", origin: ""))) == nil)
        }
    }

    /// Version 1 keeps a list of exceptions, and cannot make an exception of one.
    @Test func conflictsOfVersionOne() {
        let fine = ["allow c 1:5 rw", "deny c 1:5 w", "allow a rwm", "deny c 10:* rwm"].map(rule)
        #expect(DeviceRule.conflict(in: fine) == nil)
        let narrow = ["allow c 1:* rw", "deny c 1:5 w"].map(rule)
        #expect(DeviceRule.conflict(in: narrow) == narrow[1])
        #expect(DeviceRule.conflict(in: [rule("allow a r")]) != nil)
    }

    @Test func whatRulesLeave() {
        let device = rule("allow c 1:5 rw")
        #expect(device.access(under: [rule("allow a rwm")]) == [.read, .write])
        #expect(device.access(under: [rule("allow a rwm"), rule("deny c 1:5 w")]) == .read)
        #expect(device.access(under: [rule("allow c 1:* r")]) == .read)
        #expect(device.access(under: [rule("allow c 1:6 r")]) == [])
        // All terminals are not let in when one is kept out.
        #expect(rule("allow c 136:* rw").access(under: [rule("allow a rwm"), rule("deny c 136:0 rwm")]) == [])
    }

    /// The program is run here by an interpreter of the few instructions that it has.
    @Test(arguments: [
        (["allow c 1:5 rw"], "c", 1, 5, "r", true), (["allow c 1:5 rw"], "c", 1, 5, "rwm", false),
        (["allow c 1:5 rw"], "b", 1, 5, "r", false), (["allow c 1:5 rw"], "c", 1, 6, "r", false),
        (["allow a rwm", "deny c 1:5 w"], "c", 1, 5, "r", true),
        (["allow a rwm", "deny c 1:5 w"], "c", 1, 5, "rw", false),
        (["deny c 1:5 w", "allow a rwm"], "c", 1, 5, "w", true), (["allow c *:* m"], "c", 9, 9, "m", true),
        ([], "c", 1, 3, "r", false),
    ]) func programOfVersionTwo(
        _ rules: [String], _ type: String, _ major: UInt32, _ minor: UInt32, _ wanted: String, _ isAllowed: Bool
    ) throws {
        let access = try #require(DeviceRule.Access(wanted))
        let context = [access.rawValue << 16 | (type == "b" ? 1 : 2), major, minor]
        #expect(run(DeviceRule.program(rules.map(rule)), context) == (isAllowed ? 1 : 0))
    }

    /// The kernel refuses a program with an instruction that nothing leads to.
    @Test(arguments: [
        ["deny a rwm"], ["deny a rwm", "allow c 1:5 rw"], ["allow c 1:5 r", "allow a rwm", "deny b *:* w"], [],
    ]) func everyInstructionIsReached(_ rules: [String]) {
        let program = DeviceRule.program(rules.map(rule))
        var reached: Set<Int> = []
        var open = [0]
        while let place = open.popLast() {
            guard program.indices.contains(place), reached.insert(place).inserted else { continue }
            let code = program[place] & 0xFF
            if code == 0x95 { continue }
            open.append(place + 1)
            // Jumps, by their class.
            if code & 0x07 == 0x05 { open.append(place + 1 + Int(Int16(truncatingIfNeeded: program[place] >> 16))) }
        }
        #expect(reached.count == program.count)
    }

    private func run(_ program: [UInt64], _ context: [UInt32]) -> UInt64? {
        var registers = [UInt64](repeating: 0, count: 11)
        var place = 0
        while program.indices.contains(place) {
            let word = program[place]
            let (target, source) = (Int(word >> 8 & 15), Int(word >> 12 & 15))
            let (offset, number) = (Int(Int16(truncatingIfNeeded: word >> 16)), word >> 32)
            place += 1
            switch word & 0xFF {
            case 0x61: registers[target] = UInt64(context[offset / 4])
            case 0x54: registers[target] &= number
            case 0x74: registers[target] >>= number
            case 0xBC: registers[target] = registers[source]
            case 0xB4: registers[target] = number
            case 0x55: if registers[target] != number { place += offset }
            case 0x15: if registers[target] == number { place += offset }
            case 0x5D: if registers[target] != registers[source] { place += offset }
            case 0x95: return registers[0]
            default: return nil
            }
        }
        return nil
    }
}
