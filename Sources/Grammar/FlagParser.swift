import Base

/// What is wrong with a command line.
struct UsageProblem: Error, Equatable {
    var reason: String
    /// Whether showing the usage of the command helps.
    var showsUsage = true
}

/// Reads the flags of one command by the rules that Apptainer's users know (those of Go's pflag).
///
/// `-abc` is three flags; `-n5`, `-n=5`, `-n 5` the same value; `--name=value` or `--name value`; a boolean takes a
/// value only after `=`; `--` ends flags, and so does the first positional argument unless the command is interspersed.
struct FlagParser {
    private(set) var flags: [Flag]
    /// Flags that are costly to find out, asked for when one is not among the others.
    private let later: (PluginQuery) -> [Flag]
    /// Returns why a flag that exists elsewhere is not here.
    private let absence: (FlagName) -> String?
    /// What was given so far. A later value of a flag that is not repeatable replaces the earlier one.
    var values = FlagValues()
    private(set) var notes: [Invocation.Note] = []

    enum FlagName {
        case long(String)
        case short(UInt8)

        var query: PluginQuery {
            switch self {
            case .long(let name): .flag(name)
            case .short(let letter): .letter(letter)
            }
        }
    }

    init(flags: [Flag], later: @escaping (PluginQuery) -> [Flag], absence: @escaping (FlagName) -> String?) {
        self.flags = flags
        self.later = later
        self.absence = absence
    }

    /// Returns the positional arguments.
    mutating func parse(_ arguments: [String], interspersed: Bool) throws(UsageProblem) -> [String] {
        var rest = arguments[...]
        var positionals: [String] = []
        while let argument = rest.popFirst() {
            let bytes = argument.utf8
            guard bytes.first == UInt8(ascii: "-"), bytes.count > 1 else {
                positionals.append(argument)
                if !interspersed { return positionals + rest }
                continue
            }
            if argument == "--" { return positionals + rest }
            if bytes.dropFirst().first == UInt8(ascii: "-") {
                try parseLong(argument, &rest)
            } else {
                try parseShorts(Array(bytes.dropFirst()), argument, &rest)
            }
        }
        return positionals
    }

    private mutating func parseLong(_ argument: String, _ rest: inout ArraySlice<String>) throws(UsageProblem) {
        let body = argument.dropFirst(2)
        guard let first = body.utf8.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "=") else {
            throw UsageProblem(reason: "bad flag syntax: \(argument)")
        }
        let equals = body.utf8.firstIndex(of: UInt8(ascii: "="))
        let name = String(body[..<(equals ?? body.endIndex)])
        guard let flag = find(long: name) else {
            if let reason = absence(.long(name)) { throw UsageProblem(reason: reason, showsUsage: false) }
            throw UsageProblem(reason: "unknown flag: --\(name)")
        }
        if name == flag.oldSpelling, name != flag.long {
            let text = "Flag --\(name) has been deprecated, use --\(flag.long)"
            notes.append(.init(level: .warning, text: text))
        }
        if let equals {
            try assign(flag, String(body[body.utf8.index(after: equals)...]))
        } else if !flag.impliedText.isEmpty {
            try assign(flag, flag.impliedText)
        } else if let value = rest.popFirst() {
            try assign(flag, value)
        } else {
            throw UsageProblem(reason: "flag needs an argument: \(argument)")
        }
    }

    private mutating func parseShorts(
        _ letters: [UInt8], _ argument: String, _ rest: inout ArraySlice<String>
    ) throws(UsageProblem) {
        var cluster = letters[...]
        while let letter = cluster.first {
            let shown = String(decoding: cluster, as: UTF8.self)
            guard let flag = find(short: letter) else {
                if let reason = absence(.short(letter)) { throw UsageProblem(reason: reason, showsUsage: false) }
                let reason = "unknown shorthand flag: \(quoted(short: letter)) in -\(shown)"
                throw UsageProblem(reason: reason)
            }
            let following = cluster.dropFirst()
            cluster = []
            if following.count > 1, following.first == UInt8(ascii: "=") {
                try assign(flag, String(decoding: following.dropFirst(), as: UTF8.self))
            } else if !flag.impliedText.isEmpty {
                try assign(flag, flag.impliedText)
                cluster = following
            } else if !following.isEmpty {
                try assign(flag, String(decoding: following, as: UTF8.self))
            } else if let value = rest.popFirst() {
                try assign(flag, value)
            } else {
                let reason = "flag needs an argument: \(quoted(short: letter)) in -\(shown)"
                throw UsageProblem(reason: reason)
            }
        }
    }

    private mutating func find(long name: String) -> Flag? {
        find(.flag(name)) { $0.long == name || (!$0.oldSpelling.isEmpty && $0.oldSpelling == name) }
    }

    private mutating func find(short letter: UInt8) -> Flag? { find(.letter(letter)) { $0.short == letter } }

    private mutating func find(_ query: PluginQuery, _ matches: (Flag) -> Bool) -> Flag? {
        if let flag = flags.first(where: matches) { return flag }
        let more = later(query)
        add(more)
        guard let flag = flags.first(where: matches) else { return nil }
        for other in more where other.long == flag.long && other.plugin != flag.plugin {
            let text = "--\(flag.long) is the flag of the plugin \(flag.plugin); that of \(other.plugin) is not used"
            notes.append(.init(level: .warning, text: text))
        }
        return flag
    }

    /// A later flag never takes a name that exists: our own come first, then those of plugins in their order.
    private mutating func add(_ more: [Flag]) {
        for var flag in more where !flags.contains(where: { $0.long == flag.long }) {
            if flag.short != 0, flags.contains(where: { $0.short == flag.short }) { flag.short = 0 }
            flags.append(flag)
        }
    }

    private mutating func assign(_ flag: Flag, _ text: String) throws(UsageProblem) {
        do throws(ValueProblem) {
            try values.add(text, to: flag, from: .commandLine)
        } catch {
            let reason = "invalid argument \(quoted(text)) for \"\(flag.spelling)\" flag: \(error.text)"
            throw UsageProblem(reason: reason)
        }
    }

    /// Returns every flag there is for this command, those of plugins too.
    mutating func allFlags() -> [Flag] {
        add(later(.everything))
        return flags
    }

    /// Returns the flags that are known, and those that variables of these names stand for.
    mutating func flags(alsoOf variables: [String]) -> [Flag] {
        for key in variables { add(later(.variable(key))) }
        return flags
    }
}

extension FlagValues {
    /// Adds a text to the values of a repeatable flag, or replaces the value of any other.
    mutating func add(_ text: String, to flag: Flag, from origin: Origin) throws(ValueProblem) {
        let index = assignments.firstIndex { $0.name == flag.long }
        let value = try flag.value(of: text, after: index.map { assignments[$0].value })
        guard let index else {
            assignments.append(Assignment(name: flag.long, value: value, origin: origin, plugin: flag.plugin))
            return
        }
        assignments[index].value = value
    }
}

extension Flag {
    /// Returns the value of `text`; for a repeatable flag it follows the values that were given before.
    func value(of text: String, after earlier: Assignment.Value?) throws(ValueProblem) -> Assignment.Value {
        switch kind {
        case .bool: return .bool(try parseBoolean(text))
        case .int:
            let number = try parseInteger(text)
            if let range, !range.contains(number) {
                throw ValueProblem("must be from \(range.lowerBound) to \(range.upperBound)")
            }
            return .integer(number)
        case .int32: return .integer(try parseInteger(text, bits: 32))
        case .uint32: return .integer(try parseInteger(text, bits: 32, isSigned: false))
        case .string:
            try checkChoice(text)
            return .text(text)
        case .slice, .array:
            var values: [String] = []
            if case .list(let before) = earlier { values = before }
            let more = kind == .array ? [text] : try parseCSV(text)
            for text in more { try checkChoice(text) }
            return .list(values + more)
        case .map:
            var pairs: [Assignment.Pair] = []
            if case .pairs(let before) = earlier { pairs = before }
            return .pairs(pairs + (try parsePairs(text)))
        }
    }
    private func checkChoice(_ text: String) throws(ValueProblem) {
        if choices.isEmpty || allowsOtherValues || choices.split(separator: " ").contains(where: { $0 == text }) {
            return
        }
        throw ValueProblem("must be one of: \(choices)")
    }
}
