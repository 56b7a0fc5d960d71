package import Base

/// What a probe found out about the host: a fact, what it costs, and the one thing that helps.
package struct Finding: Sendable, Equatable {
    package enum Level: String, Sendable, CaseIterable {
        case fine = "ok"
        /// Good to know; nothing is lost that the user asked for.
        case note
        /// Something works less well, or not at all, that some commands need.
        case warning
        /// An ordinary launch fails.
        case fault
    }

    /// What was probed: `fuse`, `userns`.
    package let probe: String
    package let level: Level
    package let fact: String
    package let effect: String?
    /// A command, or the setting that helps.
    package let cure: String?

    package init(_ probe: String, _ level: Level, _ fact: String, effect: String? = nil, cure: String? = nil) {
        (self.probe, self.level, self.fact, self.effect, self.cure) = (probe, level, fact, effect, cure)
    }

    package var json: JSONText {
        .members([
            "probe": .string(probe), "level": .string(level.rawValue), "fact": .string(fact),
            "effect": effect.map { .string($0) }, "cure": cure.map { .string($0) },
        ])
    }

    /// One to three lines.
    package var text: String {
        var text = "\(Self.padded(level.rawValue, 9))\(Self.padded(probe, 12))\(fact)\n"
        if let effect { text += "\(Self.padded("", 21))Effect: \(effect)\n" }
        if let cure { text += "\(Self.padded("", 21))Cure:   \(cure)\n" }
        return text
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
