/// HEALTHCHECK, which only becomes part of the image's configuration.
extension InstructionParser {
    func healthcheck() throws(DockerfileProblem) -> Healthcheck {
        let flags = try flags(["interval", "timeout", "start-period", "start-interval", "retries"])
        let text = arguments.bytes
        let kind = text.prefix { !$0.isBlank }
        let rest = text[kind.endIndex...].trimmedLeft.text
        var check = Healthcheck()
        switch kind.text.uppercasedASCII {
        case "NONE":
            guard rest.isEmpty else { throw DockerfileProblem("HEALTHCHECK NONE takes no arguments") }
            check.test = ["NONE"]
            return check
        case "CMD":
            if let words = JSONStrings.read(rest) {
                check.test = ["CMD"] + words
            } else {
                check.test = ["CMD-SHELL", rest]
            }
            guard check.test.count > 1, !rest.isEmpty else {
                throw DockerfileProblem("missing command after HEALTHCHECK CMD")
            }
        default:
            throw DockerfileProblem("unknown type \(kind.text) in HEALTHCHECK", expected: "CMD or NONE")
        }
        check.interval = try duration(flags, "interval")
        check.timeout = try duration(flags, "timeout")
        check.startPeriod = try duration(flags, "start-period")
        check.startInterval = try duration(flags, "start-interval")
        if let text = try flags.string("retries") {
            guard let count = Int64(text), (0...Int64(Int32.max)).contains(count) else {
                throw DockerfileProblem("--retries is no number: \(text)")
            }
            check.retries = count
        }
        return check
    }

    private func duration(_ flags: InstructionFlags, _ name: String) throws(DockerfileProblem) -> Int64 {
        guard let text = try flags.string(name) else { return 0 }
        guard let value = Self.nanoseconds(text), value == 0 || value >= 1_000_000 else {
            throw DockerfileProblem(
                "--\(name) is no time: \(text)", expected: "numbers with units h, m, s or ms, at least 1ms")
        }
        return value
    }

    /// Returns the nanoseconds of `1m30s` or `1.5h`, or nil for anything else.
    static func nanoseconds(_ text: String) -> Int64? {
        let units: [(String, Double)] = [
            ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
        ]
        if text == "0" { return 0 }
        var rest = text.bytes
        var total = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let number = rest.prefix { $0.isDigit || $0 == 0x2E }
            rest = rest[number.endIndex...]
            let unit = rest.prefix { $0.isLetter }
            rest = rest[unit.endIndex...]
            guard let value = Double(number.text), let factor = units.first(where: { $0.0 == unit.text })?.1 else {
                return nil
            }
            total += value * factor
        }
        // A Double cannot hold every nanosecond beyond this, a hundred days.
        return total < 9e15 ? Int64(total) : nil
    }
}
