/// How the text of a flag's value is read; help prints these words after the flag's name.
package enum FlagKind: String, Sendable {
    case bool = ""
    case string
    case int
    case int32
    case uint32
    /// Repeatable; each value is also split at commas, with CSV quoting.
    case slice = "strings"
    /// Repeatable; commas are kept.
    case array = "stringArray"
    /// Repeatable `KEY=VALUE`; with several `=` a value is split at commas into pairs.
    case map = "stringToString"
}

/// One flag of one command: the only description, from which parsing, help, manual pages and completion are derived.
///
/// All members are plain values and static text, so that a table of fifty costs one allocation.
package struct Flag: Sendable {
    /// Without dashes.
    package var long: String
    /// One ASCII character, 0 for none.
    package var short: UInt8 = 0
    package var kind: FlagKind
    /// Line breaks are kept in help.
    package var help: String
    /// Names of variables without `APPTAINER_`, separated by spaces, the preferred one first.
    package var environment: String = ""
    /// Whether variables add to the command line instead of giving way to it (`--bind`, `--mount`).
    package var addsEnvironment = false
    /// Text as it would be typed, empty for none.
    package var defaultText: String = ""
    /// The value of the flag without `=value`; empty when a value must follow. For every boolean it is `true`.
    package var impliedText: String = ""
    /// The only values there are, separated by spaces; empty for any.
    package var choices: String = ""
    /// Whether values other than `choices` are allowed; completion offers `choices` all the same.
    package var allowsOtherValues = false
    /// The numbers that there are; nil for any.
    package var range: ClosedRange<Int>?
    /// What completion offers for the value.
    package var completes = Completion.nothing
    /// Whether help leaves out the flag, which works all the same.
    package var isHidden = false
    /// An older spelling that works with a warning.
    package var oldSpelling: String = ""
    /// The plugin that provides it; empty for our own.
    package var plugin: String = ""

    /// - Parameter key: the key of one of our own flags.
    package init<Value>(
        _ key: FlagKey<Value>, short: Unicode.Scalar? = nil, help: String, environment: String = "",
        addsEnvironment: Bool = false, defaultText: String = "", impliedText: String = "", choices: String = "",
        allowsOtherValues: Bool = false, completes: Completion = .nothing, hidden: Bool = false,
        oldSpelling: String = ""
    ) {
        self.init(
            named: key.name, short: short, key.kind, help: help, environment: environment,
            addsEnvironment: addsEnvironment, defaultText: defaultText, impliedText: impliedText, choices: choices,
            allowsOtherValues: allowsOtherValues, completes: completes, hidden: hidden, oldSpelling: oldSpelling)
    }

    /// - Parameter long: a name that a manifest gives.
    init(
        named long: String, short: Unicode.Scalar? = nil, _ kind: FlagKind, help: String,
        environment: String = "", addsEnvironment: Bool = false, defaultText: String = "", impliedText: String = "",
        choices: String = "", allowsOtherValues: Bool = false, completes: Completion = .nothing, hidden: Bool = false,
        oldSpelling: String = "", plugin: String = ""
    ) {
        self.long = long
        if let short, short.isASCII { self.short = UInt8(truncatingIfNeeded: short.value) }
        self.kind = kind
        self.help = help
        self.environment = environment
        self.addsEnvironment = addsEnvironment
        self.defaultText = defaultText
        self.impliedText = kind == .bool ? "true" : impliedText
        self.choices = choices
        self.allowsOtherValues = allowsOtherValues
        self.completes = completes
        isHidden = hidden
        self.oldSpelling = oldSpelling
        self.plugin = plugin
    }

    /// `-c, --contain` or `--bind`, as messages quote it.
    package var spelling: String {
        short == 0 ? "--" + long : "-" + String(UnicodeScalar(short)) + ", --" + long
    }
}
