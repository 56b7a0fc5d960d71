/// How many positional arguments a command takes; the texts are Apptainer's.
package enum ArgumentRule: Sendable, Equatable {
    case any
    case exactly(Int)
    case atLeast(Int)
    case atMost(Int)
    case between(Int, Int)

    /// - Parameter range: its upper bound is `Int.max` for any number.
    init(_ range: ClosedRange<Int>) {
        switch (range.lowerBound, range.upperBound) {
        case (let low, Int.max): self = low == 0 ? .any : .atLeast(low)
        case (let low, let high) where low == high: self = .exactly(low)
        case (0, let high): self = .atMost(high)
        case (let low, let high): self = .between(low, high)
        }
    }

    /// Returns why `count` arguments are wrong, nil when they are right.
    func problem(_ count: Int) -> String? {
        switch self {
        case .any: nil
        case .exactly(let wanted) where count != wanted: "accepts \(wanted) arg(s), received \(count)"
        case .atLeast(let least) where count < least: "requires at least \(least) arg(s), only received \(count)"
        case .atMost(let most) where count > most: "accepts at most \(most) arg(s), received \(count)"
        case .between(let least, let most) where count < least || count > most:
            "accepts between \(least) and \(most) arg(s), received \(count)"
        default: nil
        }
    }
}

/// What completion offers for the positional arguments.
package enum Completion: Sendable {
    case nothing, files, directories, commands, plugins
}

/// One command word with its flags and texts.
package struct Command: Sendable {
    /// `exec`, `sif list`; empty for the program itself.
    package var path: String
    /// One line, as lists of commands show it.
    package var summary: String
    /// What follows the program's name in `Usage:`.
    package var usage: String
    /// Lines of at most 78 columns.
    package var description: String
    /// Lines where `@` stands for the program's name; empty for none.
    package var examples: String = ""
    package var arguments: ArgumentRule = .any
    package var flags: [Flag] = []
    package var isHidden = false
    /// Whether flags may follow positional arguments. True only for the `sif` verbs, since Apptainer's come from
    /// another program.
    package var isInterspersed = false
    /// Whether a group without a valid verb fails; other groups print their help.
    package var needsVerb = false
    package var verbs: [String] = []
    /// Whether plugins may add verbs to a group of ours.
    package var takesVerbs = false
    package var completes = Completion.nothing
    /// The plugin that provides the command; empty for our own.
    package var plugin = ""
    /// Whether the plugin gets all words as typed, and reads flags itself.
    package var readsWords = false

    package init(_ path: String, summary: String, usage: String, description: String) {
        self.path = path
        self.summary = summary
        self.usage = usage
        self.description = description
    }

    /// The last word of the path.
    package var name: String {
        guard let space = path.utf8.lastIndex(of: UInt8(ascii: " ")) else { return path }
        return String(path[path.utf8.index(after: space)...])
    }
}
